"""What people read of a verdict: the page, the summary, the terminal's text and JUnit."""

from __future__ import annotations

import re
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ml_stages.conclude import Results
from ml_stages.config.drift import Severity
from ml_stages.drift.report import ColumnDrift, DriftReport
from ml_stages.evaluation.metrics_report import (
    ClassCount,
    Comparison,
    Confusion,
    Metric,
    MetricsReport,
    Reliability,
    ReliabilityBin,
    SliceMetrics,
)
from ml_stages.evidence import Finding, LintReport
from ml_stages.lineage import Lineage
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.report.html import report_html
from ml_stages.report.junit import junit_xml
from ml_stages.report.numbers import number, with_interval
from ml_stages.report.plots import gate_plot, limits_of
from ml_stages.report.summary import summary_markdown
from ml_stages.report.text import verdict_text
from ml_stages.runner import StageRun
from ml_stages.verdict import GateResult, Verdict, VerdictStatus

EVIL = "<script>alert('x')</script> \x1b[31m|`a`\nb\u202e\ufffe & \"q\""
NAMED = Metric(name="accuracy", value=0.9, lower=0.85, upper=0.93)


def gate(name: str, status: str, **fields: Any) -> GateResult:
    return GateResult.model_validate(
        {"name": name, "kind": "threshold", "required": True, "status": status, "message": "seen", **fields}
    )


def verdict(*gates: GateResult, status: VerdictStatus = VerdictStatus.FAILED, **fields: Any) -> Verdict:
    return Verdict(
        name="apples",
        status=status,
        should_deploy=status is VerdictStatus.PASSED,
        gates=list(gates),
        stages=fields.pop("stages", []),
        lineage=Lineage(pipeline_version="1", seed=0),
        started="2026-11-22T01:02:03+01:00",
        duration=1,
        **fields,
    )


def results(report: MetricsReport) -> Results:
    outcome = StageOutcome(name="evaluate", status=StageStatus.PASSED, duration=1)
    return {"evaluate": StageRun(outcome, report.model_dump_json())}


def test_what_stands_against_the_model_comes_first() -> None:
    """Among sixty gates that passed nobody would find the one that failed."""
    passed = [gate(f"good {place}", "passed") for place in range(60)]
    judged = verdict(*passed, gate("doubt", "inconclusive"), gate("bad", "failed"))
    page = report_html(judged, {})
    assert "This model does not go out: bad failed, doubt is inconclusive." in page
    assert "Gates: 1 failed, 1 inconclusive, 60 passed" in page
    assert page.index(">bad<") < page.index(">doubt<") < page.index(">good 0<")
    assert "2026-11-22 00:02 UTC" in page
    summary = summary_markdown(judged, {})
    assert summary.index("| bad |") < summary.index("| doubt |") < summary.index("| good 0 |")


def test_a_run_without_gates_has_no_table_of_them() -> None:
    """A heading `Gates:` over an empty table looks like gates that got lost."""
    judged = verdict(status=VerdictStatus.PARTIAL)
    assert "Gates" not in report_html(judged, {})
    assert "Gates" not in summary_markdown(judged, {})


def test_notes_stand_before_the_numbers_that_they_are_about() -> None:
    """A reviewer reads "passed" and a table of metrics, and never comes to the warning beneath them."""
    note = "the baseline predicts no row as 'c'"
    stage = StageOutcome(name="evaluate", status=StageStatus.PASSED, duration=1, notes=[note])
    judged = verdict(gate("f1", "passed"), status=VerdictStatus.PASSED, stages=[stage])
    found = results(MetricsReport(rows=9, metrics=[NAMED]))
    page, summary = report_html(judged, found), summary_markdown(judged, found)
    shown = escape(note)
    assert page.index("Gates: 1 passed") < page.index(shown) < page.index("Metrics on 9 holdout rows")
    assert summary.index("## Gates") < summary.index(note) < summary.index("## Metrics")
    assert page.count(shown) == summary.count(note) == 1
    assert "Notes" not in report_html(verdict(), {}) + summary_markdown(verdict(), {})


def test_a_headline_names_what_broke_and_not_what_could_not_run_for_it() -> None:
    """The first sentence would name twenty gates that were skipped, and not the stage that failed."""
    train = StageOutcome(name="train", status=StageStatus.FAILED, reason="status 1", duration=1)
    judged = verdict(gate("f1", "skipped"), gate("note", "failed", required=False), stages=[train])
    assert "This model does not go out: train failed." in verdict_text(judged, {})
    many = verdict(*(gate(f"g{place}", "failed") for place in range(5)))
    assert "g0 failed, g1 failed, g2 failed and 2 more." in verdict_text(many, {})


def test_the_terminal_shows_what_was_measured_whatever_the_gates_ask() -> None:
    """The first run, whose only gate wants a baseline, ended green without one number about the model."""
    auc = Metric(name="roc_auc", value=0.95, lower=0.9, upper=0.97)
    change = Comparison(
        metric="roc_auc", candidate=0.95, baseline=0.94, difference=0.01, lower=-0.005, upper=0.025
    )
    alone = MetricsReport(rows=9, metrics=[NAMED, auc])
    first = verdict_text(verdict(gate("g", "skipped")), results(alone)).splitlines()
    assert first[first.index("metrics, on 9 holdout rows:") + 1 :][:2] == [
        "  accuracy  0.900 (0.850 to 0.930)",
        "  roc_auc   0.950 (0.900 to 0.970)",
    ]
    compared = MetricsReport(rows=9, metrics=[NAMED, auc], comparisons=[change])
    second = verdict_text(verdict(gate("g", "passed")), results(compared)).splitlines()
    assert "metrics and the difference to the baseline, on 9 holdout rows:" in second
    assert "  roc_auc   0.950 (0.900 to 0.970)  +0.010 (-0.005 to +0.025)" in second
    assert "metrics" not in verdict_text(verdict(gate("g", "passed")), {})


def test_a_number_without_an_interval_says_so() -> None:
    """A heavy tail leaves RMSE alone; beside numbers with intervals it would look exact."""
    bare = Metric(name="rmse", value=26_502.0, note="no interval: heavy tail")
    none = Metric(name="r2", value=None, note="undefined")
    found = results(MetricsReport(rows=9, metrics=[NAMED, bare, none]))
    text, summary = verdict_text(verdict(), found), summary_markdown(verdict(), found)
    assert "  rmse      26,502 (no interval)" in text.splitlines()
    assert "| rmse | 26,502 (no interval) |  |" in summary
    assert "  r2        undefined" in text.splitlines()


def test_a_long_cause_stands_on_the_terminal_once() -> None:
    """Twice the same forty lines push what else is wrong off the screen."""
    said = "row of numbers; " * 60
    text = verdict_text(verdict(gate("probe", "failed", message=said), causes=[f"probe: {said}"]), {})
    assert text.count("row of numbers") < 75
    assert "... (whole at the end)" in text


def test_no_text_of_a_project_is_a_command_to_its_reader() -> None:
    """A category's value could run code in a reviewer's browser, colour a terminal or break JUnit."""
    report = MetricsReport(
        rows=9, metrics=[NAMED], slices=[SliceMetrics(where={EVIL: EVIL}, rows=3, metrics=[], note=EVIL)]
    )
    broken = StageOutcome(name="train", status=StageStatus.FAILED, reason=EVIL, duration=1, tail=[EVIL])
    judged = verdict(gate(EVIL, "failed", message=EVIL), causes=[f"gate: {EVIL}"], stages=[broken])
    page = report_html(judged, results(report))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    ET.fromstring(junit_xml(judged, {}))
    named = MetricsReport(rows=9, metrics=[NAMED.model_copy(update={"name": EVIL})])
    text = verdict_text(judged, results(named))
    shown = [line for line in text.splitlines() if not line.startswith("  | ")]
    assert not re.search(r"[\x1b\u202e]", "".join(shown))
    assert sum("\\x1b[31m" in line for line in shown) == 4, "gate, metric, verdict and cause are a line each"
    rows = [line for line in summary_markdown(judged, {}).splitlines() if "script" in line]
    assert rows
    assert not any("<script" in row or "\x1b" in row or "31m|" in row for row in rows)


def _classes(*labels: str) -> list[ClassCount]:
    return [ClassCount(label=label, rows=10, predicted=10) for label in labels]


def test_every_finding_stands_in_the_page() -> None:
    """A gate that names three of forty findings says that all of them are there."""
    found = [Finding(rule="F401", message=f"unused {place}", file="a.py", line=place) for place in range(40)]
    outcome = StageOutcome(name="lint", status=StageStatus.PASSED, duration=1)
    lint = StageRun[Any](outcome, LintReport(tools=[], findings=found).model_dump_json())
    page = report_html(verdict(), {"lint": lint})
    assert all(f">unused {place}<" in page for place in range(40))


def test_the_confusion_matrix_has_a_row_for_each_label() -> None:
    """If this fails, a reviewer reads mistakes of one class as those of another."""
    cells = [("no", "no", 8), ("no", "yes", 2), ("yes", "yes", 9), ("yes", None, 1)]
    found = [Confusion(label=label, predicted=said, rows=rows) for label, said, rows in cells]
    report = MetricsReport(rows=20, metrics=[NAMED], classes=_classes("no", "yes"), confusions=found)
    page = re.sub(r"<[^>]*>", " ", report_html(verdict(), results(report)))
    words = page[page.index("Confusion matrix") :].split()
    assert words[2:13] == [
        "label",
        "predicted",
        "no",
        "predicted",
        "yes",
        "predicted",
        "(no",
        "class",
        "of",
        "the",
        "labels)",
    ]
    assert words[13:24] == ["no", "8", "80.0%", "2", "20.0%", "yes", "9", "90.0%", "1", "10.0%", "Stages"]


def test_many_classes_show_their_most_frequent_mistakes() -> None:
    """If this fails, the page of a hundred classes is a wall of ten thousand cells."""
    names = [f"c{place}" for place in range(40)]
    found = [Confusion(label=name, predicted=name, rows=9) for name in names]
    found += [Confusion(label=name, predicted="c0", rows=1) for name in names[1:]]
    report = MetricsReport(rows=400, metrics=[NAMED], classes=_classes(*names), confusions=found)
    page = report_html(verdict(), results(report))
    assert "the 20 most frequent mistakes" in page
    assert page.count("<td>10.0%</td>") == 20


def test_the_reliability_diagram_draws_each_bin_where_it_is() -> None:
    """If this fails, a model that says too much looks like one that says too little."""
    bins = [
        ReliabilityBin(rows=30, predicted=0.25, observed=0.5, lower=0.25, upper=0.75),
        ReliabilityBin(rows=1, predicted=1.0, observed=0.0),
    ]
    found = Reliability(of=f"the share of {EVIL}", bins=bins, every=11)
    page = report_html(verdict(), results(MetricsReport(rows=9, metrics=[NAMED], reliability=found)))
    (plot,) = re.findall(r'<svg class="plot".*?(?=</svg>)', page)
    ET.fromstring(f"{plot}</svg>")
    across, up = 240 - 24 - 8, 240 - 24
    assert f'<circle cx="{24 + across / 4:.1f}" cy="{up - across / 2:.1f}"' in plot
    assert f'<path d="M{24 + across / 4:.1f} {up - across / 4:.1f}V{up - across * 3 / 4:.1f}"' in plot
    assert f'<circle cx="{24 + across:.1f}" cy="{up:.1f}"' in plot
    assert plot.count("<path") == 3, "two lines of the frame, one interval"
    assert "one row of 11" in page
    assert "<script" not in page


def test_a_slice_without_numbers_says_why() -> None:
    """An empty row in the table of slices would look like a fault of the page."""
    small = SliceMetrics(where={"city": "Bonn"}, rows=3, metrics=[], note="fewer than 30 rows")
    large = SliceMetrics(where={"city": "Rome"}, rows=300, metrics=[NAMED])
    page = report_html(verdict(), results(MetricsReport(rows=9, metrics=[NAMED], slices=[small, large])))
    assert "fewer than 30 rows" in page
    assert "value (95% interval)" in page


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.8712, 0.842, 0.896), "0.871 (0.842 to 0.896)"),
        ((0.87123, 0.87100, 0.87150), "0.87123 (0.87100 to 0.87150)"),
        ((103171.877, 96568.1, 110071.1), "103,172 (96,568 to 110,071)"),
        ((12.51, 11.93, 13.22), "12.5 (11.9 to 13.2)"),
        ((0.00002, 0.000018, 0.000022), "0.0000200 (0.0000180 to 0.0000220)"),
        ((1e-12, 0.0, 2e-12), "1e-12 (0 to 2e-12)"),
        ((0.9, 0.9, 0.9), "0.900 (0.900 to 0.900)"),
        ((0.5, None, None), "0.500"),
        ((None, 0.1, 0.2), "undefined"),
        ((float("inf"), 0.0, 1.0), "inf (0 to 1)"),
    ],
)
def test_a_number_is_as_exact_as_its_interval_is_wide(
    numbers: tuple[float | None, float | None, float | None], text: str
) -> None:
    """Small errors would all read 0.000, and large ones have three decimals that mean nothing."""
    assert with_interval(*numbers) == text


def test_a_difference_that_rounds_to_nothing_has_no_sign() -> None:
    """`-0.000` would be read as a loss."""
    assert with_interval(-1e-9, -0.04, 0.05, signed=True) == "+0.000 (-0.040 to +0.050)"
    assert [number(1234.5), number(123456.7), number(0.00012)] == ["1234", "123,457", "0.00012"]


def test_a_gate_is_drawn_to_scale_beside_its_limit() -> None:
    """A reviewer would see an interval on the wrong side of the limit."""
    drawn = gate_plot(gate("f1", "inconclusive", observed=0.9, interval=(0.8, 1.0), expected={"min": 0.85}))
    low, high = (float(x) for x in re.findall(r'x1="([\d.]+)" x2="([\d.]+)"', drawn)[-2])
    mark = float(re.findall(r'x1="([\d.]+)"', drawn)[-1])
    limit = float(re.findall(r'rect class="allowed" x="([\d.]+)"', drawn)[0])
    assert mark == pytest.approx((low + high) / 2, abs=0.1)
    assert limit == pytest.approx(low + (high - low) / 4, abs=0.1)
    assert 'aria-label="0.900 (0.800 to 1.000); expected at least 0.85"' in drawn
    found = gate("mae", "passed", observed=1e5, interval=(9e4, 1.1e5), expected={"max": 1234567.0})
    assert "expected at most 1,234,567" in gate_plot(found)


@pytest.mark.parametrize(
    ("expected", "limits"),
    [
        ({"gain_above": -0.02, "greater_is_better": True}, (-0.02, None)),
        ({"gain_above": -0.02, "greater_is_better": False}, (None, 0.02)),
        ({"change_below": 0.1}, (-0.1, 0.1)),
        ({"min": None, "max": None, "margin": 0.05}, (-0.05, None)),
        ({"min": 0.5, "max": 0.9, "bound": "interval"}, (0.5, 0.9)),
        ({"min_ratio": 0.8}, (0.8, None)),
        ({"max_seconds": 0.1}, (None, 0.1)),
        (["no", "yes"], None),
        (0, None),
        ({"max_broken": 0}, None),
    ],
)
def test_limits_stand_on_the_scale_of_what_was_observed(expected: Any, limits: Any) -> None:
    """A loss of RMSE would be drawn on the side that passes."""
    assert limits_of(expected) == limits


def test_a_gate_without_an_interval_has_no_plot() -> None:
    """A count would be drawn as if it had been estimated."""
    assert gate_plot(gate("lint", "passed", observed=0, expected={"max": 0})) == ""
    assert gate_plot(gate("odd", "passed", observed=1.0, interval=(1.0, 1.0), expected={"min": 1.0})) == ""


def test_columns_that_drift_does_not_compare_are_told_with_the_reason() -> None:
    """If this fails, whoever reads the report believes that times and identifiers are as before."""
    times = ColumnDrift(column="day", severity=Severity.NONE, message="not compared: times", compared=False)
    same = ColumnDrift(column="weight", severity=Severity.NONE, message="no drift")
    report = DriftReport(
        reference_rows=9,
        current_rows=9,
        severity=Severity.NONE,
        columns=[times, same],
        unasked={"id": "it is of the key"},
    )
    outcome = StageOutcome(name="data-drift", status=StageStatus.PASSED, duration=1)
    page = report_html(verdict(), {"data-drift": StageRun[Any](outcome, report.model_dump_json())})
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("Drift:")[2])
    cells = [re.sub(r"<[^>]*>", " ", row).split() for row in rows]
    assert ["not", "compared", "day", "times"] in cells
    assert ["not", "compared", "id", "it", "is", "of", "the", "key"] in cells
    assert not any("weight" in row for row in cells)
