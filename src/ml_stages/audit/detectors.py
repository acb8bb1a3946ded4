"""What a secret looks like: the detectors of detect-secrets, and those that ML projects need besides.

Two things are done otherwise than by the command `detect-secrets scan`. Strings that merely look random
count only on a line that speaks of a token: digests, revisions and pictures in notebooks look random, too.
And a call does not hide its arguments: `client = Client(api_key="...")` is a leak.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from detect_secrets.filters import heuristic
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.settings import default_settings, get_plugins

_NO_SECRETS = {"IPPublicDetector"}
_FORMATS = {
    # The prefixes are those that the services document for their tokens.
    "hugging-face-token": r"\bhf_[A-Za-z0-9]{30,}",
    "anthropic-api-key": r"\bsk-ant-[A-Za-z0-9_-]{20,}",
    "openai-api-key": r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}",
    "google-api-key": r"\bAIza[A-Za-z0-9_-]{35}",
    "databricks-token": r"\bdapi[0-9a-f]{32}\b",
    "github-token": r"\bgithub_pat_[A-Za-z0-9_]{22,}",
}
_KEYWORD = re.compile("|".join(DENYLIST), re.IGNORECASE)
_TOKEN = re.compile(r"token(?!i[sz])|credential|bearer", re.IGNORECASE)
_NOTHING = {"none", "null", "true", "false", "str", "string"}
_ELSEWHERE = re.compile(r"^(?:(?:op|vault|libsecret|aws\+sm|aws\+ps|gcp)://|(?:env|file|cmd):[\w./~-])")
"""An address that says where a secret is to be found, as Dagger and 1Password write it."""
_UNQUOTED = {"Dockerfile", "Containerfile", "Makefile", ".npmrc", ".netrc", ".pypirc"}
_UNQUOTED_SUFFIXES = {".env", ".sh", ".bash", ".zsh"}


@dataclass(frozen=True)
class Detector:
    """One kind of secret: whether a text may hold any at all, and which a line holds."""

    kind: str
    may_hold: Callable[[str], bool]
    find: Callable[[str, str], Iterable[str]]
    """File name and line to the secrets themselves, which must not leave this package."""


@cache
def detectors() -> tuple[Detector, ...]:
    """Every detector; made once, for it takes a while."""
    with default_settings():
        plugins = [plugin for plugin in get_plugins() if type(plugin).__name__ not in _NO_SECRETS]
    ours = [_by_format(kind, re.compile(pattern)) for kind, pattern in _FORMATS.items()]
    return (*ours, *(_by_plugin(plugin) for plugin in plugins))


def _by_format(kind: str, pattern: re.Pattern[str]) -> Detector:
    return Detector(
        kind, lambda text: pattern.search(text) is not None, lambda _, line: pattern.findall(line)
    )


def _by_plugin(plugin: BasePlugin) -> Detector:
    kind = re.sub(r"[^a-z0-9]+", "-", str(plugin.secret_type).lower()).strip("-")
    if isinstance(plugin, RegexBasedDetector):
        # Only `analyze_string`: `analyze_line` would send what it finds to its service, to see if it works.
        return Detector(
            kind,
            lambda text: any(pattern.search(text) for pattern in plugin.denylist),
            lambda _, line: (value for value in plugin.analyze_string(line) if _may_be_secret(value)),
        )
    hint = _TOKEN if isinstance(plugin, HighEntropyStringsPlugin) else _KEYWORD

    def find(file: str, line: str) -> Iterator[str]:
        if hint.search(line):
            found = plugin.analyze_line(filename=_as_read(file), line=line, line_number=1)
            yield from (value for one in found if (value := one.secret_value or "") and _is_given(value))

    return Detector(kind, lambda text: hint.search(text) is not None, find)


def _as_read(file: str) -> str:
    """A name by which the keyword detector knows that values need no quotes in this file."""
    path = PurePosixPath(file)
    bare = path.name in _UNQUOTED or path.suffix in _UNQUOTED_SUFFIXES or path.name.startswith(".env")
    return "settings.ini" if bare else file


def _may_be_secret(value: str) -> bool:
    return not heuristic.is_templated_secret(value)


def _is_given(value: str) -> bool:
    """Whether a value stands there itself: no template, no call, no address of a secret, no placeholder."""
    return not (
        value.lower() in _NOTHING
        or _ELSEWHERE.match(value)
        or heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_not_alphanumeric_string(value)
        or heuristic.is_sequential_string(value)
        or heuristic.is_potential_uuid(value)
        or heuristic.is_indirect_reference(f"value = {value}")
    )
