"""Rows together with what several metrics need of them, computed once and when first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import losses
from ml_stages.evaluation.cells import Cells, PairedDraws, joint_cells, posterior, resampled
from ml_stages.evaluation.counts import Margins
from ml_stages.evaluation.influence import Summary, moments
from ml_stages.evaluation.losses import Losses
from ml_stages.evaluation.ranking import Influenced, Ranking
from ml_stages.evaluation.rows import Classified, Measured
from ml_stages.evaluation.sorted_scores import SortedScores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassifiedSample:
    """One classifier on one set of rows."""

    rows: Classified
    confidence: float
    alone: bool = False
    """Whether nobody asks which row contributed what: no comparison follows, and rows are in no groups."""

    @property
    def margins(self) -> Margins:
        return self.rows.margins

    @cached_property
    def resampled(self) -> list[Margins]:
        return list(resampled(self.rows.cells))

    @cached_property
    def posterior(self) -> list[PairedDraws]:
        return list(posterior(self.rows.cells))

    @property
    def probabilities(self) -> Floats:
        """Rows by classes, or of two classes the positive one's column alone."""
        if self.rows.probabilities is None:
            raise ValueError("these predictions have no probabilities")
        return self.rows.probabilities

    @property
    def matrix(self) -> Floats:
        """The same, always rows by classes."""
        if self.rows.matrix is None:
            raise ValueError("these predictions have no probabilities")
        return self.rows.matrix

    def _score(self, code: int) -> Floats:
        """The probability of a class, of two of the positive one."""
        return self.probabilities[:, -1 if len(self.rows.classes) == 2 else code]

    @cached_property
    def ranked_classes(self) -> list[int]:
        """Classes that can be ranked against the rest: the positive one of two, else all that occur."""
        occur = np.flatnonzero((self.margins.truth > 0) & (self.margins.truth < len(self.rows)))
        return [int(code) for code in occur if code == 1 or len(self.rows.classes) != 2]

    @cached_property
    def rankings(self) -> list[Ranking]:
        return [Ranking(self._score(code), self.rows.truth == code) for code in self.ranked_classes]

    @property
    def sorted_scores(self) -> SortedScores | None:
        """The positive class's probabilities; ``None`` where there are more classes than two, or just one."""
        usable = len(self.rows.classes) == 2 and self.ranked_classes and self._score(1).min() >= 0
        return self.rankings[0].sorted if usable else None

    @cached_property
    def roc_auc(self) -> Influenced:
        return _average([ranking.roc_auc for ranking in self.rankings])

    @cached_property
    def roc_auc_summary(self) -> Summary:
        if self.alone and len(self.rankings) == 1:
            return self.rankings[0].sorted.roc_auc.summary
        return summary(self.roc_auc)

    @cached_property
    def average_precision(self) -> Influenced:
        return _average([ranking.average_precision for ranking in self.rankings])

    @cached_property
    def average_precision_summary(self) -> Summary:
        if self.alone and len(self.rankings) == 1:
            return self.rankings[0].sorted.average_precision.summary
        return summary(self.average_precision)

    @cached_property
    def log_losses(self) -> Losses:
        return self._kept(losses.log_losses(self.rows.truth, self.probabilities))

    @cached_property
    def brier_losses(self) -> Losses:
        return self._kept(losses.squared_probability_errors(self.rows.truth, self.probabilities))

    def _kept(self, by_row: Losses) -> Losses:
        """The losses as they are, or where they will be asked for by row, computed once for all."""
        return by_row if self.alone else Losses.given(by_row.all())


def summary(number: Influenced) -> Summary:
    return Summary(number.value, moments(number.influence))


def _average(parts: list[Influenced]) -> Influenced:
    if len(parts) == 1:
        return parts[0]
    value = sum(part.value for part in parts) / len(parts)
    return Influenced(value, np.mean([part.influence for part in parts], axis=0))


@dataclass(frozen=True)
class MeasuredSample:
    """One regression model on one set of rows."""

    rows: Measured
    confidence: float

    @cached_property
    def errors(self) -> Floats:
        return np.abs(self.rows.truth - self.rows.predicted)

    @cached_property
    def mean_squared_error(self) -> Influenced:
        return losses.mean_squared_error(self.rows)

    @cached_property
    def unexplained(self) -> Influenced:
        return losses.unexplained(self.rows)


@dataclass(frozen=True)
class ClassifiedPair:
    """Two classifiers on the same rows."""

    candidate: ClassifiedSample
    baseline: ClassifiedSample

    @property
    def confidence(self) -> float:
        return self.candidate.confidence

    @cached_property
    def cells(self) -> Cells:
        one, other = self.candidate.rows, self.baseline.rows
        return joint_cells(len(one.classes), one.truth, one.predicted, other.predicted)

    @cached_property
    def margins(self) -> tuple[Margins, Margins]:
        """Of the candidate's and of the baseline's confusion table."""
        return self.cells.of_candidate, self.cells.of_baseline

    @cached_property
    def draws(self) -> list[PairedDraws]:
        return list(posterior(self.cells))

    @cached_property
    def differing(self) -> int:
        """Rows on which the two predict different classes."""
        return int(self.cells.counts[self.cells.candidate != self.cells.baseline].sum())


@dataclass(frozen=True)
class MeasuredPair:
    """Two regression models on the same rows."""

    candidate: MeasuredSample
    baseline: MeasuredSample

    @property
    def confidence(self) -> float:
        return self.candidate.confidence
