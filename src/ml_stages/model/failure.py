"""How a failure of the project's code is told: where the data have sensitive columns, without its words.

What Python and its libraries raise quotes the value that they did not like ("could not convert string to
float: '123-45-6789'"). There, types and places are told, which are of the code, and no message.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

_UNSAID = "its message is left out, since columns are marked sensitive"


def sensitive_columns(schema: Mapping[str, Any]) -> frozenset[str]:
    """The names of the columns whose values are not to be shown; ``schema`` as in ``schema.json``."""
    return frozenset(one["name"] for one in schema["features"] if one.get("sensitive"))


def told(error: BaseException, *, is_sensitive: bool) -> str:
    """A failure in one line."""
    name = type(error).__name__
    return f"{name} ({_UNSAID})" if is_sensitive else f"{name}: {error}"


def told_whole(error: BaseException, *, is_sensitive: bool) -> str:
    """A failure with the places where it came from, and those that it followed from."""
    if not is_sensitive:
        return "".join(traceback.format_exception(error)).rstrip("\n")
    parts: list[str] = []
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        places = "".join(traceback.format_tb(following.__traceback__))
        parts.append(f"{places}{told(following, is_sensitive=True)}")
        context = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or context
    return "\nwhich led to\n".join(reversed(parts))
