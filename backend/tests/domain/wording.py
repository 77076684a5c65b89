"""The wording of refusals, whatever they say."""

import re


def is_sentence(text: object) -> bool:
    """Tell whether a text is a sentence: it begins with a capital and does not end with one."""
    return (
        isinstance(text, str)
        and re.fullmatch(r"[A-Z].*[a-z].* .*([a-z0-9]|\dZ)\.?", text) is not None
    )
