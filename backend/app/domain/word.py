"""Compares words that people type in different ways."""


def comparable(word: str) -> str:
    """Return a word without case and superfluous spaces, to compare two spellings."""
    return " ".join(word.split()).casefold()
