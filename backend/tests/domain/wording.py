"""How refusals are worded, whatever they say."""

import re


def is_sentence(text: object) -> bool:
    """Whether people can read it: a capital first, small letters, and no capital last."""
    return (
        isinstance(text, str)
        and re.fullmatch(r"[A-Z].*[a-z].* .*([a-z0-9]|\dZ)\.?", text) is not None
    )
