"""Makes text inert, so that a spreadsheet does not run it as a formula."""

# The full-width forms too: some spreadsheets read them as the plain ones.
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")


def inert(text: str) -> str:
    """Put an apostrophe in front of what a spreadsheet would take for a formula.

    One that is there already gets another, so that exactly one can always be taken off again.
    """
    shown = text.lstrip()
    if text[:1] in {"\t", "\r", "\n", "'"} or shown[:1] in _FORMULA:
        return f"'{text}"
    return text


def bare(text: str) -> str:
    """Undo `inert`: an apostrophe that it would not have put there stays."""
    return text[1:] if text.startswith("'") and inert(text[1:]) == text else text
