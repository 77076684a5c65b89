"""What lists call a person."""


def display_name(full_name: str | None, email: str) -> str:
    return full_name or email.partition("@")[0]
