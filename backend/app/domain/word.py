"""Words that people type and that have to mean the same."""


def comparable(word: str) -> str:
    """Return what two spellings of one word have in common: neither case nor spaces count."""
    return " ".join(word.split()).casefold()
