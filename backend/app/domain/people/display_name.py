"""What lists call a person."""


def display_name(full_name: str | None, email: str | None) -> str:
    """Whoever has no address has a name: the database sees to that."""
    return full_name or (email or "").partition("@")[0]
