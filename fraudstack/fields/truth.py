"""Words that say yes or no, whatever was asked; compared in small letters, without blanks around them.

T and F are none: F is false to one program and a fraud to another.
"""

YES = ("yes", "true", "1", "1.0", "y", "ja", "j", "wahr", "oui", "vrai", "sí", "si", "sì", "sim", "vero", "tak")
NO = ("no", "false", "0", "0.0", "n", "nein", "falsch", "non", "faux", "não", "nao", "falso", "nie")
# Of a transaction besides.
FRAUD = (*YES, "fraud", "fraudulent", "betrug")
LEGITIMATE = (*NO, "legitimate", "legit", "genuine", "not fraud", "no fraud", "kein betrug")


def is_yes(text: str) -> bool | None:
    """Whether a text says yes; None where it is neither."""
    return _told(text, YES, NO)


def is_fraud(text: str) -> bool | None:
    """Whether a label says fraud; None where it says nothing that is understood."""
    return _told(text, FRAUD, LEGITIMATE)


def _told(text: str, yes: tuple[str, ...], no: tuple[str, ...]) -> bool | None:
    said = text.strip().lower()
    return True if said in yes else False if said in no else None
