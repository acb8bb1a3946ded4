"""The docstrings of a section's keys, read out of its source when somebody asks.

Pydantic can read them when a class is made; for all sections that takes longer than all else that a
stage does before it starts.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise


@functools.cache
def docstrings(model: type) -> Mapping[str, str]:
    """Key to the docstring below it, of a class and what it inherits; empty where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith("ml_stages."):
            found |= dict(_own(base))
    return found


def _own(model: type) -> Iterator[tuple[str, str]]:
    try:
        source = inspect.getsource(model)
    except OSError:
        return
    (node,) = ast.parse(textwrap.dedent(source)).body
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - it is a class's source
    for field, below in pairwise(node.body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            yield field.target.id, inspect.cleandoc(str(below.value.value))
