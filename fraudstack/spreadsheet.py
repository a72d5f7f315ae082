"""What a spreadsheet would run as a formula when it opens a CSV file (OWASP, CSV injection)."""

from fraudstack.texts import normalised

_BEGIN = ("=", "+", "-", "@")
# A cell that begins with one of these is as bad as one that begins with a sign.
_ODD = str.maketrans("\t\r\n", "===")
# Where a cell ends for a spreadsheet of another locale; a comma in a text is quoted by whoever writes CSV.
_NEXT_CELL = ";"


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever would begin a formula.

    Blanks and invisible characters before it don't hide it, and full-width signs count as their plain ones.
    """
    if text.isascii() and text.isprintable() and not any(sign in text for sign in _BEGIN):
        return text
    return _NEXT_CELL.join(f"'{cell}" if _runs(cell) else cell for cell in text.split(_NEXT_CELL))


def _runs(cell: str) -> bool:
    return normalised(cell.translate(_ODD)).startswith(_BEGIN)
