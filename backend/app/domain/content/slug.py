"""Readable names: of addresses, and of copies."""

import re
import unicodedata

MAX_LENGTH = 80
MAX_TITLE = 200
_COPY = " (copy)"
_OTHER = re.compile(r"[^a-z0-9]+")


def slugify(title: str) -> str:
    """Return ASCII words joined by hyphens, `module` where nothing is left of the title."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = _OTHER.sub("-", plain).strip("-")[:MAX_LENGTH].rstrip("-")
    return slug or "module"


def copy_title(title: str) -> str:
    """Return what a copy is called, within the length of titles."""
    return f"{title[: MAX_TITLE - len(_COPY)].rstrip()}{_COPY}"


def unused_slug(stem: str, taken: set[str]) -> str:
    """Return `stem`, or `stem-2`, `stem-3`, ... where it is taken."""
    if stem not in taken:
        return stem
    number = 2
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
