"""What is written about the server, held to the server."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from ml_stages.serving.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def test_every_setting_is_described_with_its_default() -> None:
    """If this fails, an operator sets a variable that does nothing, or does not know of one."""
    rows = re.findall(r"^\| `ML_SERVING_([A-Z_]+)` \| (\S*) ?\|", PAGE.read_text(), flags=re.MULTILINE)
    settings = {field.name.upper(): field.default for field in fields(Settings)}
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in settings.items()}
    assert dict(rows) == {name: str(value) for name, value in shown.items()}
