"""Which files are not source, and which source is not read by training: for every runner the same.

The patterns are written so that git's and Dagger's matching agree: ``**/`` says "at any depth", a
leading ``/`` "at the root".
"""

from __future__ import annotations

from collections.abc import Sequence

from ml_stages.report.numbers import listed

NEVER_SOURCE = (
    "**/.git",
    "**/.venv",
    "**/venv",
    "**/__pycache__",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.pytest_cache",
    "**/.hypothesis",
    "**/.ipynb_checkpoints",
    "**/.tox",
    "**/.nox",
    "**/node_modules",
    "**/.DS_Store",
    "**/.#*",
    "**/.coverage",
    "**/*.egg-info",
    "/.ml-pipeline",
)
"""Version control, environments, caches, and what systems and editors leave beside files."""

NEVER_CODE = (
    "/tests",
    "/test",
    "/docs",
    "/.github",
    "/.gitlab-ci.yml",
    "**/*.md",
    "**/*.rst",
    "**/*.ipynb",
    "**/LICENSE*",
    "**/.gitignore",
    "/pyproject.toml",
    "/ml-pipeline.toml",
    "/requirements*.txt",
    "/requirements*.lock",
    "/requirements*.in",
    "/pylock*.toml",
    "/uv.lock",
)
"""Source that says nothing about the model; the environment's lock counts by its own digest."""

_NAMED = 5
_ADVICE = "copy what is needed, or name them in source.exclude"


def told_of_folder_links(links: Sequence[str]) -> str:
    """Which folders stages go without: links to folders are not followed; empty where there are none."""
    return f"no source, since they are links to folders: {listed(links, _NAMED)}; {_ADVICE}" if links else ""


def told_of_dangling_links(links: Sequence[str]) -> str:
    """Which files stages go without since there is nothing behind their names; empty where there are none."""
    advice = "fetch or copy what belongs there, or name them in source.exclude"
    return (
        f"no source, since they are links that lead nowhere: {listed(links, _NAMED)}; {advice}"
        if links
        else ""
    )


def told_of_stray_links(links: Sequence[str]) -> str:
    """Which links a container has nothing behind; empty where there are none."""
    return (
        f"no source, since they lead out of it or nowhere: {listed(links, _NAMED)}; {_ADVICE}"
        if links
        else ""
    )
