"""The reports of a run by file name; the verdict first, so that it is what fits on a full disk."""

from __future__ import annotations

from collections.abc import Callable

from ml_stages.conclude import Results
from ml_stages.report.html import report_html
from ml_stages.report.junit import junit_xml
from ml_stages.report.sarif import results_sarif
from ml_stages.report.summary import summary_markdown
from ml_stages.verdict import Verdict


def report_files() -> dict[str, Callable[[Verdict, Results], str]]:
    """File name to what renders it."""
    return {
        "verdict.json": lambda verdict, _: verdict.model_dump_json(indent=1) + "\n",
        "junit.xml": junit_xml,
        "summary.md": summary_markdown,
        "results.sarif": results_sarif,
        "report.html": report_html,
    }
