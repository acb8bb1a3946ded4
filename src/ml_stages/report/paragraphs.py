"""Read a docstring whose later paragraphs begin with headings."""

from __future__ import annotations

from collections.abc import Iterable


def paragraphs(text: str, headings: Iterable[str]) -> dict[str, str]:
    """The paragraphs that begin with `HEADING:` by their heading; all others under ``""``."""
    found: dict[str, list[str]] = {"": []}
    for paragraph in text.split("\n\n"):
        heading = next((name for name in headings if paragraph.startswith(f"{name}:")), "")
        found.setdefault(heading, []).append(
            paragraph.removeprefix(f"{heading}:").strip() if heading else paragraph
        )
    return {heading: "\n\n".join(texts) for heading, texts in found.items()}
