"""What programs and people write where they know nothing: in a column that may be empty it is empty.

"NA" is no place here: two letters are a US state, and none is called so. A town that is called None (there is one in
Piedmont) is lost to what Python writes for a missing value, which is far commoner.
"""

# In small letters; compared so.
WORDS = frozenset(
    {
        # Dashes, dots and question marks in the place of a value.
        "-", "--", "---", "–", "—", "_", ".", "...", "?", "*", "#", "\\n", "{}", "[]",
        # Programs: pandas, R, Spark, SQL, Excel, SAS, Java, JavaScript, Hive.
        "nan", "+nan", "-nan", "nat", "none", "null", "nil", "(null)", "<null>", "[null]", "(none)", "<none>",
        "[none]", "na", "<na>", "n/a", "#n/a", "#na", "#n/a n/a", "#value!", "#ref!", "#null!", "n.a.", "n.a", "n/d",
        "n.d.", "undefined", "nonetype", "\\null", "\\\\n", "(blank)", "<blank>", "blank", "(empty)", "<empty>",
        "empty", "missing", "(missing)", "<missing>",
        # English.
        "no error", "no errors", "no_error", "noerror", "without error", "error free", "no data", "no value",
        "not available", "not applicable", "not known", "not set", "not specified", "not provided", "unknown",
        "unspecified", "unset", "no code",
        # German.
        "keine", "keiner", "keines", "kein", "kein fehler", "keine fehler", "keine angabe", "k.a.", "k. a.", "k.a",
        "ohne", "unbekannt", "nicht verfügbar", "nicht bekannt", "entfällt", "fehlt", "leer",
        # French.
        "aucun", "aucune", "aucune erreur", "sans erreur", "sans", "inconnu", "inconnue", "non disponible", "néant",
        "vide", "s.o.",
        # Spanish and Portuguese.
        "ninguno", "ninguna", "ningún error", "ningun error", "sin error", "sin errores", "sin datos", "desconocido",
        "desconocida", "no disponible", "vacío", "vacio", "nenhum", "nenhuma", "nenhum erro", "sem erro",
        "sem erros", "vazio", "desconhecido", "não disponível", "s/d",
        # Italian.
        "nessuno", "nessuna", "nessun errore", "senza errori", "sconosciuto", "sconosciuta", "non disponibile",
        "vuoto",
        # Dutch, Scandinavian, Polish, Czech, Turkish, Finnish.
        "geen", "geen fout", "onbekend", "leeg", "ingen", "ingen feil", "ingen fejl", "inga fel", "inget fel",
        "ukendt", "ukjent", "okänd", "brak", "brak błędu", "brak danych", "nieznany", "žádný", "žádná",
        "žádná chyba", "neznámý", "yok", "hata yok", "bilinmiyor", "ei mitään", "tuntematon",
        # Russian, Ukrainian, Greek, Chinese, Japanese, Korean, Arabic.
        "нет", "нет ошибки", "нет ошибок", "нет данных", "неизвестно", "немає", "κανένα", "κανένας", "άγνωστο", "无",
        "無", "没有", "无错误", "无错", "未知", "空", "なし", "エラーなし", "不明", "없음", "오류 없음", "لا يوجد", "غير معروف",
    }
)  # fmt: skip
# Longer texts say something.
LONGEST = max(map(len, WORDS))


def is_value(text: str) -> bool:
    """Whether a text says something, and isn't blank or a word for nothing."""
    text = text.strip(" \u00a0")
    return bool(text) and not (len(text) <= LONGEST and text.lower() in WORDS)
