"""Countries and their states by ISO 3166: `US` and `US-CA`."""

from typing import Annotated, NamedTuple

import pycountry
from pydantic import StringConstraints

CountryCode = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2}$")
]
StateCode = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2}-[A-Za-z0-9]{1,3}$"
    ),
]


class Place(NamedTuple):
    country: str | None = None
    state: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the state, where one is known, is of the country."""
        return self.state is None or country_of(self.state) == self.country


def country_of(state: str) -> str:
    return state.partition("-")[0]


def is_country(code: str) -> bool:
    return pycountry.countries.get(alpha_2=code) is not None


def is_state(code: str) -> bool:
    """Say whether ISO 3166-2 has the code, for a state or another part of a country."""
    known = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]  # without types
    return known is not None
