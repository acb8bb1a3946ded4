"""The gate on latency: limits in seconds, and limits beside the baseline."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ml_stages.gates.composed import All
from ml_stages.gates.gate import Absent, Evidence, GateStatus, Judgement
from ml_stages.gates.latency import Latency
from ml_stages.serving.probing.latency import quantiles
from ml_stages.serving.probing.probe_report import LatencyQuantile, LatencyRatio, LoadReport, ProbeReport


def _load(lower: float | None, upper: float | None, share: float = 0.95) -> LoadReport:
    quantile = LatencyQuantile(share=share, seconds=0.015, lower=lower, upper=upper)
    return LoadReport(
        rate=100, seconds=1, requests=40, refused=0, lost=0, throughput=100, quantiles=[quantile]
    )


def _judge(fields: dict[str, Any], **evidence: Any) -> Judgement:
    probe = ProbeReport(
        subject="sha256:1",
        checks=[],
        cold_start=2.5,
        load=[evidence.pop("load", _load(0.012, 0.019))],
        ratios=evidence.pop("ratios", []),
        notes=evidence.pop("notes", []),
    )
    return Latency.model_validate({"kind": "latency", **fields}).judge(Evidence(probe=probe, **evidence))


@pytest.mark.parametrize(
    ("fields", "ends", "status"),
    [
        ({"max_seconds": 0.02}, (0.012, 0.019), "passed"),
        ({"max_seconds": 0.01}, (0.012, 0.019), "failed"),
        ({"max_seconds": 0.016}, (0.012, 0.019), "inconclusive"),
        ({"max_seconds": 0.02}, (0.012, None), "inconclusive"),
        ({"max_seconds": 0.01}, (0.012, None), "failed"),
        ({"max_seconds": 3, "quantile": "cold-start"}, (None, None), "passed"),
        ({"max_seconds": 2, "quantile": "cold-start"}, (None, None), "failed"),
    ],
)
def test_the_whole_interval_keeps_the_limit(
    fields: dict[str, Any], ends: tuple[float | None, float | None], status: str
) -> None:
    """If this fails, a slow model is released, or a fast one judged by three requests."""
    assert _judge(fields, load=_load(*ends)).status == status


def test_too_few_requests_say_how_many_seconds_would_do() -> None:
    """If this fails, an undecided gate does not say what to change.

    72 values have an upper end for their p95: 1 - 0.95^72 = 0.975. 40 a second take 1.8 s, and some more.
    """
    message = _judge({"max_seconds": 0.02}, load=_load(0.012, None)).message
    assert "needed are 73" in message or "needed are 72" in message
    assert "set probe.load to about 3 seconds" in message


def test_what_was_not_measured_is_no_pass() -> None:
    """If this fails, a probe that found no server is fast."""
    gate = Latency.model_validate({"kind": "latency", "quantile": "p99", "max_seconds": 1})
    with pytest.raises(Absent, match="did not measure p99"):
        gate.judge(Evidence(probe=ProbeReport(subject="s", checks=[])))


def _refusing(refused: int) -> LoadReport:
    """Of a hundred requests; the others are answered at once."""
    answered = 100 - refused
    return LoadReport(
        rate=100,
        seconds=1,
        requests=100,
        refused=refused,
        lost=0,
        unanswered=refused,
        throughput=answered,
        quantiles=quantiles([0.001] * answered, refused),
    )


def test_requests_that_are_refused_are_not_left_out() -> None:
    """If this fails, a server that refuses most requests is fast, since it answered the others at once."""
    judged = _judge({"max_seconds": 0.02}, load=_refusing(60))
    assert judged.status is GateStatus.FAILED
    assert "60 of 100 requests to the candidate were not answered 200" in judged.message
    ratio = _judge({"max_ratio": 1.2}, load=_refusing(60), has_baseline=True)
    assert ratio.status is GateStatus.INCONCLUSIVE
    assert "60 of 100 requests to the candidate" in ratio.message


@pytest.mark.parametrize(
    ("quantile", "status"), [("p50", "passed"), ("p95", "inconclusive"), ("p99", "failed")]
)
def test_a_few_refused_requests_count_as_the_slowest(quantile: str, status: str) -> None:
    """If this fails, a quantile over the answers alone is taken for that of all requests."""
    judged = _judge({"max_seconds": 0.02, "quantile": quantile}, load=_refusing(3))
    assert judged.status == status
    assert ("3 of them were not answered 200" in judged.message) == (status == "inconclusive")


def _ratio(lower: float, upper: float) -> list[LatencyRatio]:
    return [LatencyRatio(share=0.95, ratio=1.1, lower=lower, upper=upper, rounds=12)]


@pytest.mark.parametrize(
    ("ratios", "status"),
    [(_ratio(1.0, 1.19), "passed"), (_ratio(1.21, 1.5), "failed"), (_ratio(1.0, 1.3), "inconclusive")],
)
def test_a_ratio_is_judged_by_its_interval(ratios: list[LatencyRatio], status: str) -> None:
    """If this fails, a model is blocked or let through by the noise of one measurement."""
    judged = _judge({"max_ratio": 1.2}, ratios=ratios, has_baseline=True)
    assert judged.status == status
    assert judged.interval == (ratios[0].lower, ratios[0].upper)


def test_the_same_model_is_not_blocked_by_noise() -> None:
    """If this fails, running an unchanged project again can end red; a slower server still fails."""

    def status(lower: float, upper: float) -> GateStatus:
        ratios = _ratio(lower, upper)
        return _judge({"max_ratio": 1.2}, ratios=ratios, has_baseline=True, same_model=True).status

    assert (status(0.9, 1.4), status(1.3, 1.4)) == (GateStatus.PASSED, GateStatus.FAILED)


def test_a_baseline_that_could_not_be_asked_is_never_a_pass() -> None:
    """If this fails, a comparison that never took place lets a model through."""
    dead = _judge({"max_ratio": 1.2}, notes=["its server did not start"], has_baseline=True)
    assert (dead.status, "its server did not start" in dead.message) == (GateStatus.ERROR, True)
    short = _judge({"max_ratio": 1.2}, has_baseline=True)
    assert (short.status, "raise probe.load" in short.message) == (GateStatus.INCONCLUSIVE, True)
    with pytest.raises(Absent, match="no baseline to compare with"):
        _judge({"max_ratio": 1.2})


def test_on_the_first_run_the_limit_in_seconds_still_counts() -> None:
    """If this fails, the first release may be as slow as it likes, or is blocked for lack of a baseline."""
    both = {"max_seconds": 0.02, "max_ratio": 1.2}
    assert _judge(both, first_run_allowed=True).status is GateStatus.PASSED
    slow = {"max_seconds": 0.01, "max_ratio": 1.2}
    assert _judge(slow, first_run_allowed=True).status is GateStatus.FAILED
    with pytest.raises(Absent) as absent:
        _judge({"max_ratio": 1.2}, first_run_allowed=True)
    assert absent.value.status is GateStatus.SKIPPED


@pytest.mark.parametrize("fields", [{}, {"quantile": "cold-start", "max_ratio": 2}])
def test_a_gate_without_a_usable_limit_is_refused(fields: dict[str, Any]) -> None:
    """If this fails, a gate that can never fail looks like protection."""
    with pytest.raises(ValidationError, match="max_ratio"):
        Latency.model_validate({"kind": "latency", **fields})


def test_the_baselines_server_is_started_only_where_a_gate_needs_it() -> None:
    """If this fails, every probe takes longer, or a gate inside `all` has nothing to judge."""
    plain, compared = {"kind": "latency", "max_seconds": 1}, {"kind": "latency", "max_ratio": 2}
    assert not Latency.model_validate(plain).compares_servers
    assert All.model_validate({"kind": "all", "gates": [plain, compared]}).compares_servers
