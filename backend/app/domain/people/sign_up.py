"""Who may have a sign-in account."""

from collections.abc import Collection

from app.core.email_domain import domain_of


def may_sign_up(email: str | None, domains: Collection[str]) -> bool:
    """Say whether the address is of one of `domains` exactly: a subdomain is another domain.

    `domains` are as `comparable_domain` returns them. No address, no account.
    """
    try:
        return email is not None and domain_of(email) in domains
    except ValueError:
        return False
