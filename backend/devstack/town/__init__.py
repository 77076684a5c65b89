"""A dental group with twelve months of history, made through the product's own services."""

from devstack.town.making import identities, make_town

__all__ = ["identities", "make_town"]
