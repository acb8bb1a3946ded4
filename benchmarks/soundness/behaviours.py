"""Gates on changed rows and on the train set, where rows come in groups of ten that are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation.judging import judge_rows
from ml_stages.evaluation.metrics_report import Behaviour, Metric, MetricsReport
from ml_stages.evaluation.predicted_shares import Shares
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evidence import BehaveReport, CommandRun
from ml_stages.gates.behaviour import BehaviourGate
from ml_stages.gates.gate import Evidence
from ml_stages.gates.overfit_gap import OverfitGap
from ml_stages.gates.robustness import Robustness

ALIKE = 0.3
"""Intra-class correlation."""
SIZE = 10
_CONFIG = EvaluationConfig(metrics=["accuracy"])
_RUN = BehaveReport(run=CommandRun(command=["python"], exit_status=0, duration=1.0))


@dataclass(frozen=True)
class Grouped:
    """Shares of draws in which a gate whose limit is just met passes, and fails: both at most 2.5 %."""

    gate: str
    groups: int
    passed: float
    failed: float
    passed_by_rows: float
    failed_by_rows: float


def grouped(draws: int, rng: np.random.Generator) -> Iterator[Grouped]:
    """The true share of broken rows is the limit; the true gap of two accuracies is."""
    gate = Robustness(kind="robustness", missing=0, outside=0, max=0.1, rows=10_000)
    gap = OverfitGap(kind="overfit-gap", metric="accuracy", max=0.1)
    for groups in (10, 50, 200):
        numbers = np.repeat(np.arange(groups), SIZE)
        found = np.zeros((2, 2, 2))
        for _ in range(draws):
            broken = _rows(0.1, groups, rng)
            right = _rows(0.95, groups, rng), _rows(0.85, groups, rng)
            for by, grouping in enumerate((numbers, None)):
                share = _share(broken, grouping)
                one = _behaviour(gate, broken=int(broken.sum()), rows=broken.size, share=share)
                accuracies = [_accuracy(hits, grouping) for hits in right]
                other = _behaviour(gap, rows=broken.size, metrics=accuracies[:1])
                for place, (judged, behaviour) in enumerate(((gate, one), (gap, other))):
                    status = judged.judge(_evidence(behaviour, accuracies[1])).status
                    found[place, by] += (status == "passed", status == "failed")
        for place, name in enumerate(("robustness, invariance, directional", "overfit-gap")):
            yield Grouped(name, groups, *(found[place].ravel() / draws))


def _rows(share: float, groups: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    weight = 1 / ALIKE - 1
    chances = rng.beta(share * weight, (1 - share) * weight, (groups, 1))
    return np.asarray(rng.random((groups, SIZE)) < chances).ravel()


def _share(hits: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> Metric:
    if groups is None:
        return _by_rows("broken", int(hits.sum()), hits.size)
    return Shares(0.95, groups).metric("broken", int(hits.sum()), hits.size, lambda: hits)


@cache
def _by_rows(name: str, count: int, rows: int) -> Metric:
    lower, upper = clopper_pearson(count, rows, 0.95)
    return Metric(name=name, value=count / rows, lower=lower, upper=upper, rows=rows)


def _accuracy(hits: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> Metric:
    if groups is None:
        return _by_rows("accuracy", int(hits.sum()), hits.size)
    truth = np.zeros(hits.size, dtype=np.int32)
    rows = Classified(("no", "yes"), truth, (~hits).astype(np.int32))
    return judge_rows(rows, None, groups, _CONFIG).metrics[0]


def _behaviour(gate: BehaviourGate, **fields: object) -> Behaviour:
    return Behaviour.model_validate({"gate": gate.label, "variant": "changed", **fields})


def _evidence(behaviour: Behaviour, accuracy: Metric) -> Evidence:
    report = MetricsReport(rows=accuracy.rows, metrics=[accuracy], behaviours=[behaviour])
    return Evidence(behaviour=_RUN, metrics=report)
