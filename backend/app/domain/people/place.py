"""Countries and their states by ISO 3166: `US` and `US-CA`."""

from typing import Annotated, NamedTuple

import pycountry
from pydantic import AfterValidator, StringConstraints

from app.domain.fields import refuse

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


def _known_country(code: str) -> str:
    if not is_country(code):
        refuse("unknown_country", "A country of ISO 3166-1 is expected, such as US.")
    return code


def _known_state(code: str) -> str:
    if not is_state(code):
        refuse("unknown_state", "A state of ISO 3166-2 is expected, such as US-CA.")
    return code


KnownCountry = Annotated[CountryCode, AfterValidator(_known_country)]
KnownState = Annotated[StateCode, AfterValidator(_known_state)]
