"""The numbers by which payroll knows people."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def without_spaces(number: str) -> str:
    return "".join(number.split())


EmployeeNumber = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/#-]*$"
    ),
    AfterValidator(without_spaces),
]
"""Kept as written, apart from spaces. Neither they nor case make two numbers of one; zeros do."""
