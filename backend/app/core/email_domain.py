"""Brings email addresses into the form in which they can be compared.

That form is lower case with the domain in ASCII: `zähne.example` is `xn--zhne-loa.example`.
Supabase stores addresses in the same form. People are shown the domain in Unicode.
"""

from email_validator import validate_email


def domain_of(email: str) -> str:
    """Return the domain of an address in lower-case ASCII (IDNA 2008 with UTS 46).

    Raises ValueError for what is not an address; nothing is looked up.
    """
    checked = validate_email(email, check_deliverability=False)
    # A domain without an ASCII form cannot receive mail.
    return str(checked.ascii_domain)


def comparable_domain(domain: str) -> str:
    """Return a bare domain in the form of `domain_of`; raise ValueError when it is none."""
    return domain_of(f"postmaster@{domain}")


def comparable_email(email: str) -> str:
    """Return an address in lower case with its domain in ASCII.

    An address without such a form is only put in lower case; callers that need one refuse it.
    """
    local, at, domain = email.lower().rpartition("@")
    if domain.isascii():
        return f"{local}{at}{domain}"
    try:
        return f"{local}{at}{comparable_domain(domain)}"
    except ValueError:
        return email.lower()


def shown_email(email: str) -> str:
    """Return a comparable address as people write it, with the domain in Unicode."""
    local, at, domain = email.rpartition("@")
    if "xn--" not in domain:
        return email
    try:
        checked = validate_email(f"postmaster@{domain}", check_deliverability=False)
    except ValueError:
        return email
    return f"{local}{at}{checked.domain}"
