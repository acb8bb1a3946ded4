"""How often verdicts on probabilities err: log loss and the calibration error, one model and two compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation import clustered, estimators, paired
from ml_stages.evaluation.calibration import bins_of, calibration_error
from ml_stages.evaluation.estimate import Difference, Estimate
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample

Floats = NDArray[np.float64]
CONFIDENCE, GROUP, LIMIT = 0.95, 5, 0.05
_LARGE, _SURE = 2_000_000, 2.0**-52


@dataclass(frozen=True)
class Drawn:
    """Rows: how probable the positive class is, and what each of the models says."""

    chance: Floats
    said: tuple[Floats, ...]

    def losses(self) -> list[float]:
        """Each model's expected log loss on these rows."""
        return [_expected_loss(self.chance, one) for one in self.said]

    def samples(self, rng: np.random.Generator) -> list[ClassifiedSample]:
        """The models beside labels drawn by those chances."""
        truth = (rng.random(self.chance.size) < self.chance).astype(np.int8)
        return [
            ClassifiedSample(Classified(("0", "1"), truth, truth, one[:, None]), CONFIDENCE)
            for one in self.said
        ]


Draw = Callable[[np.random.Generator, int], Drawn]
Model = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Probable:
    """One metric of one model: how often its interval lies beside the truth, and what a limit finds."""

    metric: str
    condition: str
    rows: int
    grouped: bool
    """Whether rows come in groups of five."""
    true: float
    too_low: float
    """The upper bound lies below the truth: a limit that is not kept passes."""
    too_high: float
    """The lower bound lies above it: a limit that is kept fails."""
    too_low_before: float | None
    """Without room for mistakes of which none was drawn (log loss by rows)."""
    width: float
    spread: float
    """Between the 2.5 and 97.5 % quantiles of the estimates."""
    passes: float | None
    """The gate `calibration` with a `max_error` of 0.05."""
    fails: float | None


@dataclass(frozen=True)
class Compared:
    """Log losses of two models: how often the interval of the difference lies beside the truth."""

    scenario: str
    rows: int
    grouped: bool
    true: float
    false_pass: float
    """The candidate is worse by exactly the margin and passes: the upper bound lies below the truth."""
    too_high: float
    """The lower bound lies above the truth; where both are equal, a false block."""
    false_pass_before: float | None
    too_high_before: float | None
    width: float


def _logistic(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))


def _chance(scores: Floats) -> Floats:
    return _logistic(5 * scores) * 0.996 + 0.002


def _careful(scores: Floats) -> Floats:
    return _logistic(5 * scores) * 0.99 + 0.005


def _forest(scores: Floats) -> Floats:
    """The votes of a hundred trees: of some rows exactly 0 or 1."""
    return np.round(_logistic(6 * scores), 2)


def _hard(scores: Floats) -> Floats:
    return (scores > 0).astype(np.float64)


def _shifted(scores: Floats) -> Floats:
    chance = _chance(scores)
    return _logistic(np.log(chance / (1 - chance)) + 0.5)


def _of_scores(*models: Model) -> Draw:
    def draw(rng: np.random.Generator, rows: int) -> Drawn:
        scores = _scores(rng, rows)
        return Drawn(_chance(scores), tuple(model(scores) for model in models))

    return draw


def _scores(rng: np.random.Generator, rows: int) -> Floats:
    """Normal ones, half of whose variance is between groups of five."""
    between = np.repeat(rng.normal(size=-(-rows // GROUP)), GROUP)[:rows]
    return np.asarray((between + rng.normal(size=rows)) / 2**0.5)


def _alike(model: Model) -> Draw:
    """Two models with noise of their own before the same last step."""

    def draw(rng: np.random.Generator, rows: int) -> Drawn:
        scores = _scores(rng, rows)
        said = tuple(model(scores + 0.1 * rng.normal(size=rows)) for _ in range(2))
        return Drawn(_chance(scores), said)

    return draw


def _tree(said: tuple[float, float], share: tuple[float, float]) -> Draw:
    """Two leaves of about as many rows."""

    def draw(rng: np.random.Generator, rows: int) -> Drawn:
        leaf = rng.integers(0, 2, rows)
        return Drawn(np.take(share, leaf), (np.take(said, leaf),))

    return draw


def _rare(rng: np.random.Generator, rows: int) -> Drawn:
    return Drawn(np.full(rows, 0.01), (rng.uniform(0.0005, 0.0015, rows),))


CONDITIONS: dict[str, Draw] = {
    "calibrated": _of_scores(_chance),
    "calibrated but at its ends": _of_scores(_careful),
    "half a logit too high": _of_scores(_shifted),
    "a forest's votes": _of_scores(_forest),
    "0 and 1 alone": _of_scores(_hard),
    "two leaves, calibrated": _tree((0.2, 0.8), (0.2, 0.8)),
    "two leaves, 0.03 and 0.1 too low": _tree((0.02, 0.6), (0.05, 0.7)),
    "a rare class, ten times too seldom": _rare,
}
SCENARIOS: dict[str, Draw] = {
    "equal, careful": _alike(_careful),
    "equal, forests": _alike(_forest),
    "a forest beside a careful model": _of_scores(_forest, _careful),
    "a careful model beside a forest": _of_scores(_careful, _forest),
    "0 and 1 beside a forest": _of_scores(_hard, _forest),
}
_IN_GROUPS = ("calibrated but at its ends", "a forest's votes", "0 and 1 alone")
ROWS = (150, 500, 2000)


@dataclass(frozen=True)
class _Drawing:
    """So many samples of so many rows."""

    name: str
    draw: Draw
    rows: int
    draws: int
    seed: tuple[int, ...]
    grouped: bool = False

    def samples(self) -> Iterator[list[ClassifiedSample]]:
        rng = np.random.default_rng(self.seed)
        for _ in range(self.draws):
            yield self.draw(rng, self.rows).samples(rng)

    @property
    def groups(self) -> NDArray[np.intp]:
        return np.arange(self.rows) // GROUP


def probable(draws: int) -> list[Probable]:
    """Both metrics over the grid, and log loss over groups."""
    found = []
    for number, (condition, draw) in enumerate(CONDITIONS.items()):
        truths = _truths(draw)
        for rows in ROWS:
            found += _both(_Drawing(condition, draw, rows, draws, (23, number, rows)), truths)
        if condition in _IN_GROUPS:
            drawing = _Drawing(condition, draw, 500, draws, (24, number), grouped=True)
            found.append(_grouped(drawing, truths["log_loss"]))
    return found


def _truths(draw: Draw) -> dict[str, float]:
    """By the chances themselves; of the calibration error that of its 15 bins, which is what is estimated."""
    drawn = draw(np.random.default_rng(0), _LARGE)
    bins = bins_of(drawn.said[0], drawn.chance - drawn.said[0])
    squared = float(np.sum(bins.total**2 / bins.rows) / bins.rows.sum())
    return {"log_loss": drawn.losses()[0], "calibration_error": squared**0.5}


def _expected_loss(chance: Floats, said: Floats) -> float:
    yes, no = (np.log(np.clip(one, _SURE, 1.0)) for one in (said, 1 - said))
    return float(-np.mean(chance * yes + (1 - chance) * no))


def _both(drawing: _Drawing, truths: dict[str, float]) -> list[Probable]:
    losses, before, errors = [], [], []
    for (sample,) in drawing.samples():
        losses.append(estimators.log_loss(sample))
        before.append(estimators.mean_loss(sample.log_losses, CONFIDENCE, None))
        errors.append(calibration_error(sample))
    missed = float(np.mean(_bounds(before)[:, 1] < truths["log_loss"]))
    log_loss = _cell("log_loss", drawing, truths["log_loss"], losses)
    calibration = _cell("calibration_error", drawing, truths["calibration_error"], errors)
    bounds = _bounds(errors)
    passes, fails = float(np.mean(bounds[:, 1] <= LIMIT)), float(np.mean(bounds[:, 0] > LIMIT))
    return [replace(log_loss, too_low_before=missed), replace(calibration, passes=passes, fails=fails)]


def _grouped(drawing: _Drawing, true: float) -> Probable:
    found = [
        clustered.estimate("log_loss", estimators.log_loss(sample), sample, drawing.groups)
        for (sample,) in drawing.samples()
    ]
    return _cell("log_loss", drawing, true, found)


def _cell(metric: str, drawing: _Drawing, true: float, found: list[Estimate]) -> Probable:
    bounds = _bounds(found)
    values = np.array([one.value for one in found])
    return Probable(
        metric,
        drawing.name,
        drawing.rows,
        drawing.grouped,
        true,
        too_low=float(np.mean(bounds[:, 1] < true - 1e-12)),
        too_high=float(np.mean(bounds[:, 0] > true + 1e-12)),
        too_low_before=None,
        width=float(np.mean(bounds[:, 1] - bounds[:, 0])),
        spread=float(np.diff(np.quantile(values, [0.025, 0.975]))[0]),
        passes=None,
        fails=None,
    )


def compared(draws: int) -> list[Compared]:
    """Log losses of two models over the grid, by rows and over groups."""
    return [
        _comparison(_Drawing(scenario, draw, rows, draws, (25, number, rows, grouped), bool(grouped)))
        for number, (scenario, draw) in enumerate(SCENARIOS.items())
        for rows, grouped in ((500, 0), (2000, 0), (500, 1))
    ]


def _comparison(drawing: _Drawing) -> Compared:
    one, other = drawing.draw(np.random.default_rng(0), _LARGE).losses()
    true = 0.0 if drawing.name.startswith("equal") else one - other
    found: list[Difference] = []
    before: list[Difference] = []
    for mine, theirs in drawing.samples():
        by_row = paired.log_loss(ClassifiedPair(mine, theirs))
        if drawing.grouped:
            found.append(clustered.compare("log_loss", by_row, mine, theirs, drawing.groups))
            continue
        found.append(by_row)
        plain = mine.log_losses.all(), theirs.log_losses.all()
        before.append(paired.mean_difference(*plain, CONFIDENCE, None))
    return Compared(
        drawing.name,
        drawing.rows,
        drawing.grouped,
        true,
        *_beside(found, true),
        *(_beside(before, true) if before else (None, None)),
        float(np.mean(np.ptp(_bounds(found), axis=1))),
    )


def _beside(found: list[Difference], true: float) -> tuple[float, float]:
    bounds = _bounds(found)
    return float(np.mean(bounds[:, 1] < true)), float(np.mean(bounds[:, 0] > true))


def _bounds(found: Sequence[Estimate | Difference]) -> Floats:
    return np.array([(one.lower, one.upper) for one in found], dtype=np.float64)
