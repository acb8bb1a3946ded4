"""The page of the checks of the data: every rule that a finding can name, out of the checks' docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ml_stages.checks.registry import CHECKS
from ml_stages.data.labels import label_findings
from ml_stages.data.leakage import split_findings
from ml_stages.data.misread import misread_findings
from ml_stages.data.validate import origin_findings
from ml_stages.report.paragraphs import paragraphs

HEADINGS = ("Rules", "Set by")
BESIDE: tuple[Callable[..., Any], ...] = (label_findings, misread_findings, origin_findings, split_findings)
"""What looks at more than the profile: the task, the texts of a file, both sides of the split."""
_HEAD = """\
# Checks of the data

What `data-validate` looks for on every run. A finding names its rule and the column, says how many rows
break it and in which file and line the first one stands, and shows up to five (masked where the column is
`sensitive`). An error blocks through the gate [`data-validation`](gates/data-validation.md), a
warning is told. Keys stand below `[tool.ml-pipeline.data]` ([all of them](configuration.md));
where none is named, the rule always holds.

| rule | what must hold | set by |
| --- | --- | --- |
| `readable` | The table can be read: where it cannot, the error says in which file, line and column. |  |
"""


def sections(check: Callable[..., Any]) -> Mapping[str, str]:
    """The paragraphs of a check's docstring by their heading; what must hold under ``""``."""
    return paragraphs(inspect.getdoc(check) or "", HEADINGS)


def check_page() -> str:
    """The whole page."""
    rows = "".join(_row(sections(check)) for check in (*CHECKS, *BESIDE))
    return f"{_HEAD}{rows}\nWritten by `make docs` from the checks; do not edit.\n"


def _row(known: Mapping[str, str]) -> str:
    cells = (known["Rules"].rstrip("."), known[""], known.get("Set by", "").rstrip("."))
    plain = (" ".join(cell.split()).replace("``", "`").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(plain)} |\n"
