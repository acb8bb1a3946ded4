"""Ask a sealed holdout: which rows it has, what is judged on them, and the one bit that comes out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.config.sealed import SealedConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.budget import Adaptivity, Budget
from ml_stages.evaluation.exact_tests import proven_above, proven_not_worse
from ml_stages.evaluation.holdout_plan import HoldoutPlan, plan_for
from ml_stages.evaluation.ledger import Ledger, SealedAnswer
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.rows import Classified
from ml_stages.evidence import SealedReport

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

    def digest(self, *, compared: bool) -> str:
        """Of the candidate's predictions and, where they are ``compared``, the baseline's, in any order."""
        mine = self._digest_of(self.candidate)
        return mine + self._digest_of(self.baseline) if compared and self.baseline is not None else mine

    def _digest_of(self, rows: Classified) -> str:
        names = (*rows.classes, "(another)")
        said = sorted(f"{key}\0{names[code]}" for key, code in zip(self.keys, rows.predicted, strict=True))
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


def ask(sealed: Sealed, config: SealedConfig, ledger: Ledger, confidence: float) -> SealedReport:
    """The one bit for a candidate; with the last one, and after it, also the numbers.

    The ledger holds the answer before it is returned. Without a baseline that the condition needs,
    nothing is asked and nothing spent.
    """
    budget = budget_of(config)
    if config.margin is not None and sealed.baseline is None:
        return _report(sealed, config, None, ledger.remaining(sealed.keys, budget))
    question = f"{config.asked()}\0{sealed.digest(compared=config.margin is not None)}"
    reply = ledger.ask(sealed.keys, question, budget, lambda: _holds(sealed, config, budget.error_per_run))
    report = _report(sealed, config, reply.answer, reply.remaining, repeated=reply.repeated)
    if reply.remaining > 0:
        return report
    ledger.retire(sealed.keys)
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
