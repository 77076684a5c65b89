"""Gives each request and response body of the OpenAPI document an example.

Examples are made of the schemas, so that they have every new field by themselves. What people read
in them is in `samples`; `wholes` has what has to fit together.
"""

from app.routers.examples.maker import add_examples

__all__ = ["add_examples"]
