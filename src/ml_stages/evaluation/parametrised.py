"""The methods of metrics with a parameter: `top_k@3`, `recall[cat]`, `quantile_loss@0.9`."""

from __future__ import annotations

import numpy as np

from ml_stages.evaluation import counts, losses
from ml_stages.evaluation.catalogue import Parameter
from ml_stages.evaluation.counts import CountMetric, Floats, Margins
from ml_stages.evaluation.estimate import Difference, Estimate, undefined
from ml_stages.evaluation.estimators import mean_loss, proportion
from ml_stages.evaluation.influence import HEAVY_ALONE, HEAVY_PAIRED, heavy_tailed
from ml_stages.evaluation.paired import dirichlet, mean_difference, measured_difference
from ml_stages.evaluation.proportions import tango
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample, MeasuredPair, MeasuredSample

_SMALL_LABELS = (
    "no interval: heavy tail: a few rows, mostly those with a small label, carry the error, and one that "
    "was not seen may outweigh them all; judge mae or a quantile loss instead"
)

_KINDS: dict[str, CountMetric] = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def of_class(kind: str, code: int) -> CountMetric:
    """The metric of one class against all others, for one table or many."""

    def metric(m: Margins) -> Floats:
        one = slice(code, code + 1)
        last = Margins(m.hits[..., one], m.truth[..., one], m.predicted[..., one], m.total, m.strange)
        return _KINDS[kind](last)

    return metric


def class_code(parts: Parameter, classes: tuple[str, ...]) -> int | None:
    """The class that a name means; ``None`` for one that these labels do not have."""
    return classes.index(parts.value) if parts.value in classes else None


def estimate_class(parts: Parameter, sample: ClassifiedSample) -> Estimate:
    """Precision, recall or F1 of one class with the exact interval of a share."""
    code = class_code(parts, sample.rows.classes)
    if code is None:
        return undefined(f"the labels have no class {parts.value!r}: {', '.join(sample.rows.classes)}")
    m = sample.margins
    hits, truth, predicted = (float(part[code]) for part in (m.hits, m.truth, m.predicted))
    if parts.kind == "precision":
        return proportion(hits, predicted, sample.confidence, f"no row is predicted {parts.value!r}")
    if parts.kind == "recall":
        return proportion(hits, truth, sample.confidence, f"no row is {parts.value!r}")
    share = proportion(hits, truth + predicted - hits, sample.confidence, f"no row is {parts.value!r}")
    if share.value is None or share.lower is None or share.upper is None:
        return share
    value, lower, upper = (2 * j / (1 + j) for j in (share.value, share.lower, share.upper))
    return Estimate(value, lower, upper, "Clopper-Pearson of Jaccard's index")


def compare_class(parts: Parameter, pair: ClassifiedPair) -> Difference:
    """The same of two models: Tango's interval for recall, Dirichlet for what depends on predictions."""
    code = class_code(parts, pair.candidate.rows.classes)
    assert code is not None  # noqa: S101 - an undefined estimate is not compared
    if parts.kind != "recall":
        return dirichlet(of_class(parts.kind, code))(pair)
    cells = pair.cells
    among = cells.counts * (cells.truth == code)
    mine, theirs = cells.candidate == code, cells.baseline == code
    gained, lost = int(among[mine & ~theirs].sum()), int(among[theirs & ~mine].sum())
    return _tango(gained, lost, int(among.sum()), pair.confidence)


def _tango(gained: int, lost: int, rows: int, confidence: float) -> Difference:
    lower, upper = tango(gained, lost, rows, confidence)
    return Difference((gained - lost) / rows, float(lower), float(upper), "Tango score", gained + lost)


def among_first(sample: ClassifiedSample, k: int) -> losses.Floats:
    """1 for each row whose class is among the k most probable; a tie counts against the model."""
    own = np.take_along_axis(sample.matrix, sample.rows.truth[:, None].astype(np.intp), axis=1)
    above = (sample.matrix >= own).sum(axis=1)
    return np.asarray(above <= k, dtype=np.float64)


def estimate_top(k: int, sample: ClassifiedSample) -> Estimate:
    if (classes := len(sample.rows.classes)) <= k:
        return undefined(f"there are {classes} classes, so that every one is among the {k} most probable")
    hits = among_first(sample, k)
    return proportion(float(hits.sum()), hits.size, sample.confidence, "no rows")


def compare_top(k: int, pair: ClassifiedPair) -> Difference:
    mine, theirs = among_first(pair.candidate, k) > 0, among_first(pair.baseline, k) > 0
    return _tango(int((mine & ~theirs).sum()), int((theirs & ~mine).sum()), mine.size, pair.confidence)


def pinball(sample: MeasuredSample, quantile: float) -> losses.Floats:
    """Loss by row of a predicted quantile: Koenker and Bassett, Econometrica 46:33 (1978)."""
    below = sample.rows.truth - sample.rows.predicted
    return np.maximum(quantile * below, (quantile - 1) * below)


def estimate_quantile(quantile: float, sample: MeasuredSample) -> Estimate:
    return mean_loss(losses.Losses.given(pinball(sample, quantile)), sample.confidence, None)


def compare_quantile(quantile: float, pair: MeasuredPair) -> Difference:
    return measured_difference(pair, pinball(pair.candidate, quantile), pinball(pair.baseline, quantile))


def shares_of_label(sample: MeasuredSample) -> losses.Floats | None:
    """Absolute error over the label's size by row; ``None`` where a label is 0, or so near that none is."""
    size = np.abs(sample.rows.truth)
    return None if np.any(sample.errors >= size * losses.LARGEST) else sample.errors / size


def estimate_mape(sample: MeasuredSample) -> Estimate:
    values = shares_of_label(sample)
    if values is None:
        return undefined("some label is 0, or next to it, of which no error is a share")
    found = mean_loss(losses.Losses.given(values), sample.confidence, None)
    heavy = found.lower is not None and heavy_tailed(losses.mean(values).influence, HEAVY_ALONE)
    return Estimate(found.value, note=_SMALL_LABELS) if heavy else found


def compare_mape(pair: MeasuredPair) -> Difference:
    mine, theirs = shares_of_label(pair.candidate), shares_of_label(pair.baseline)
    assert mine is not None  # noqa: S101 - an undefined estimate is not compared
    assert theirs is not None  # noqa: S101
    number = losses.mean(mine - theirs)
    if heavy_tailed(number.influence, HEAVY_PAIRED):
        return Difference(number.value, note=_SMALL_LABELS)
    return mean_difference(mine, theirs, pair.confidence, None)
