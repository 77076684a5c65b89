"""Domains of addresses, in the one form in which they may be compared."""

from email_validator import validate_email


def domain_of(email: str) -> str:
    """Return the domain of an address in lower-case ASCII (IDNA 2008 with UTS 46).

    Raises ValueError for what is not an address; nothing is looked up.
    """
    checked = validate_email(email, check_deliverability=False)
    # Without an ASCII form there is no mail for it either.
    return str(checked.ascii_domain)


def comparable_domain(domain: str) -> str:
    """Return a bare domain in the form of `domain_of`; raise ValueError when it is none."""
    return domain_of(f"postmaster@{domain}")
