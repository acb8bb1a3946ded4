"""Ask a sealed holdout: which rows it has, what is judged on them, and the one bit that comes out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.config.sealed import SealedConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.metrics_report import SealedReport
from ml_stages.evaluation.rows import Classified
from ml_stages.sealed.budget import Adaptivity, Budget
from ml_stages.sealed.exact_tests import proven_above, proven_not_worse
from ml_stages.sealed.holdout_plan import HoldoutPlan, plan_for
from ml_stages.sealed.ledger import Ledger, SealedAnswer
from ml_stages.sealed.ledger_files import digest_of

Bools = NDArray[np.bool_]


def is_sealed(keys: pl.Series, share: float) -> Bools:
    """Which rows are sealed: by a hash of the key alone, so that it is the same rows in every run."""
    limit = int(share * 2**64)
    digests = (hashlib.sha256(b"sealed\0" + str(key).encode()).digest() for key in keys)
    return np.fromiter((int.from_bytes(digest[:8]) < limit for digest in digests), np.bool_, len(keys))


def budget_of(config: SealedConfig) -> Budget:
    """How many answers, and the error that each may have."""
    return Budget(1 - config.reliability, config.runs, Adaptivity(config.adaptivity))


def plan_of(config: SealedConfig) -> HoldoutPlan:
    """Rows and labels that the condition needs, by the plan in the configuration."""
    return plan_for(
        budget_of(config),
        config.tolerance,
        bounds=[] if config.min is None else [config.min],
        discordances=[] if config.margin is None else [config.discordance or 1.0],
    )


@dataclass(frozen=True)
class Sealed:
    """The sealed rows with what both models said about them."""

    keys: list[str]
    candidate: Classified
    baseline: Classified | None

    def take(self, chosen: Bools) -> Sealed:
        """The same for some of the rows."""
        index = np.flatnonzero(chosen)
        baseline = None if self.baseline is None else self.baseline.take(index)
        return Sealed([self.keys[place] for place in index], self.candidate.take(index), baseline)

    def digest(self, *, compared: bool) -> str:
        """Of labels and predictions, the baseline's too where they are ``compared``, in any order.

        Labels that were corrected, or another positive class, may turn the answer to the same predictions.
        """
        mine = self._digest_of(self.candidate)
        return mine + self._digest_of(self.baseline) if compared and self.baseline is not None else mine

    def _digest_of(self, rows: Classified) -> str:
        names = (*rows.classes, "(another)")
        told = zip(self.keys, rows.truth, rows.predicted, strict=True)
        said = sorted(f"{key}\0{names[truth]}\0{names[code]}" for key, truth, code in told)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


def is_retired(keys: pl.Series, ledger: Ledger) -> Bools:
    """Which rows a retired holdout had: their numbers were shown, and they are as open as any other."""
    retired = frozenset[str]().union(*ledger.retired())
    if not retired:
        return np.zeros(len(keys), dtype=np.bool_)
    return np.fromiter((digest_of(str(key)) in retired for key in keys), np.bool_, len(keys))


def ask(
    sealed: Sealed, retired: Bools, config: SealedConfig, ledger: Ledger, confidence: float
) -> SealedReport:
    """The one bit for a candidate; with the last one, and after it, also the numbers.

    ``retired`` rows are never asked again. Where there are some, the fresh ones are asked as soon as they
    are as many as the plan needs; until then the holdout is spent, but for candidates that it knows. The
    ledger holds the answer before it is returned. Without a baseline that the condition needs, nothing is
    asked and nothing spent.
    """
    fresh = sealed.take(~retired)
    deciding = int(_deciding(fresh.candidate, config.metric).sum())
    if not retired.any() or deciding >= plan_of(config).rows:
        report = _ask(fresh, config, ledger, confidence)
    else:
        report = _spent(sealed, retired, config, ledger, confidence)
    return report.model_copy(
        update={"fresh": deciding, "retired": int(retired.sum()), "ledger": ledger.state}
    )


def _ask(sealed: Sealed, config: SealedConfig, ledger: Ledger, confidence: float) -> SealedReport:
    budget = budget_of(config)
    if config.margin is not None and sealed.baseline is None:
        return _report(sealed, config, None, ledger.remaining(sealed.keys, budget))
    judged = partial(_holds, sealed, config, budget.error_per_run)
    reply = ledger.ask(sealed.keys, _question(sealed, config), budget, judged)
    report = _report(sealed, config, reply.answer, reply.remaining, repeated=reply.repeated)
    if reply.remaining > 0:
        return report
    ledger.retire(sealed.keys)
    return _with_numbers(report, sealed, confidence)


def _spent(
    sealed: Sealed, retired: Bools, config: SealedConfig, ledger: Ledger, confidence: float
) -> SealedReport:
    """The retired rows' numbers, and what they said of these predictions when they could be asked."""
    shown = sealed.take(retired)
    if config.margin is not None and sealed.baseline is None:
        return _report(shown, config, None, 0)
    known = [
        answers[question]
        for rows, answers in ledger.retired().items()
        if (question := _question_on(rows, shown, config)) in answers
    ]
    answer = SealedAnswer.of(passed=all(known)) if known else SealedAnswer.SPENT
    report = _report(shown, config, answer, 0, repeated=bool(known))
    return _with_numbers(report, shown, confidence)


def _question(sealed: Sealed, config: SealedConfig) -> str:
    """All that an answer depends on: an answer to anything else is none to this."""
    of = "" if config.metric == "accuracy" else f" of {', '.join(sealed.candidate.classes)}"
    asked = f"{config.asked()}{of} at an error of {budget_of(config).error_per_run!r}"
    return f"{asked}\0{sealed.digest(compared=config.margin is not None)}"


def _question_on(rows: frozenset[str], sealed: Sealed, config: SealedConfig) -> str:
    """The question on one holdout's rows; empty where some of them are not there any more."""
    among = np.fromiter((digest_of(key) in rows for key in sealed.keys), np.bool_, len(sealed.keys))
    return _question(sealed.take(among), config) if int(among.sum()) == len(rows) else ""


def _with_numbers(report: SealedReport, sealed: Sealed, confidence: float) -> SealedReport:
    numbers = judge(sealed.candidate, sealed.baseline, confidence)
    return report.model_copy(update={"metrics": numbers.metrics, "comparisons": numbers.comparisons})


def _report(
    sealed: Sealed,
    config: SealedConfig,
    answer: SealedAnswer | None,
    remaining: int,
    *,
    repeated: bool = False,
) -> SealedReport:
    return SealedReport(
        answer=None if answer is None else answer.value,
        asked=config.asked(),
        rows=int(_deciding(sealed.candidate, config.metric).sum()),
        planned=plan_of(config).rows,
        runs=config.runs,
        remaining=remaining,
        repeated=repeated,
    )


def _holds(sealed: Sealed, config: SealedConfig, error: float) -> bool:
    deciding = _deciding(sealed.candidate, config.metric)
    right = sealed.candidate.predicted[deciding] == sealed.candidate.truth[deciding]
    if config.min is not None and not proven_above(int(right.sum()), right.size, config.min, error):
        return False
    if config.margin is None or sealed.baseline is None:
        return True
    before = sealed.baseline.predicted[deciding] == sealed.baseline.truth[deciding]
    gained, lost = int((right & ~before).sum()), int((before & ~right).sum())
    return proven_not_worse(gained, lost, right.size, config.margin, error)


def _deciding(rows: Classified, metric: str) -> Bools:
    if metric == "accuracy":
        return np.ones(len(rows), dtype=np.bool_)
    if len(rows.classes) != 2:
        raise StageError(f"sealed.metric = {metric!r} is for two classes; there are {len(rows.classes)}")
    return np.asarray(rows.truth == (1 if metric == "recall" else 0))
