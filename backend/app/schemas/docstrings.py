"""The docstrings of attributes, which stand below them and which Python does not keep."""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise


def attribute_docstrings(cls: type) -> dict[str, str]:
    """Return what the class and those above it say of each of their fields."""
    said: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        said |= _of_module(each.__module__).get(each.__qualname__, {})
    return said


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    if not name.startswith("app."):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {
        node.name: dict(_docstrings(node)) for node in tree.body if isinstance(node, ast.ClassDef)
    }


def _docstrings(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, below in pairwise(node.body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as docstring)),
            ):
                yield name, inspect.cleandoc(docstring)
