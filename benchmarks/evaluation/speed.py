"""Speed of intervals and slices beside scipy.stats.bootstrap and fairlearn, in one run.

    python benchmarks/evaluation/speed.py [--rows 100000] [--large 1000000]
    python benchmarks/evaluation/speed.py --command 10000000

Needs fairlearn (and with it pandas and scikit-learn) besides the project, but for ``--command``. Each time
is the best of several, the tables say of how many; scipy and fairlearn get the same rows in the same process.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.evaluation import counts, paired
from ml_stages.evaluation.evaluate import EvaluateConfig
from ml_stages.evaluation.files import evaluate_files, read_table
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample
from ml_stages.evaluation.slices import judge_slice, slices_of

FIVE = ["accuracy", "precision", "recall", "f1", "selection_rate"]
COLUMNS = ["sex", "age", "region"]
SETS: dict[str, list[str]] = {
    "counts alone": [*FIVE, "balanced_accuracy", "mcc"],
    "and losses": [*FIVE, "log_loss", "brier"],
    "and ROC AUC": [*FIVE, "roc_auc"],
    "all 16": [],
}


def best(times: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of several runs."""
    found = []
    for _ in range(times):
        start = clock()
        work()
        found.append(clock() - start)
    return min(found)


def model(truth: NDArray[np.int32], rng: np.random.Generator) -> Classified:
    score = 1 / (1 + np.exp(2.5 - 2 * truth - rng.normal(size=truth.size)))
    return Classified(("0", "1"), truth, (score > 0.4).astype(np.int32))


def paired_intervals(candidate: Classified, baseline: Classified) -> None:
    def ours() -> None:
        pair = ClassifiedPair(ClassifiedSample(candidate, 0.95), ClassifiedSample(baseline, 0.95))
        paired.accuracy(pair)
        paired.dirichlet(counts.f1)(pair)

    seconds = best(20, ours)
    theirs = best(1, lambda: bootstrap(candidate, baseline))
    print(f"paired intervals of accuracy and F1, {len(candidate):,} rows")
    print(f"  ours                                      {1000 * seconds:10.2f} ms (best of 20)")
    print(f"  scipy.stats.bootstrap, 1,000 resamples    {1000 * theirs:10.0f} ms (one run)")
    print(f"  ratio {theirs / seconds:,.0f}")


def bootstrap(candidate: Classified, baseline: Classified) -> None:
    from scipy import stats  # noqa: PLC0415

    def f1(truth: NDArray[np.int32], predicted: NDArray[np.int32], axis: int) -> NDArray[np.float64]:
        hits = np.sum(truth & predicted, axis=axis)
        return np.asarray(2 * hits / (truth.sum(axis=axis) + predicted.sum(axis=axis)))

    def accuracy(truth, one, other, axis):  # noqa: ANN001, ANN202
        return np.mean(truth == one, axis=axis) - np.mean(truth == other, axis=axis)

    def f1_change(truth, one, other, axis):  # noqa: ANN001, ANN202
        return f1(truth, one, axis) - f1(truth, other, axis)

    data = (candidate.truth, candidate.predicted, baseline.predicted)
    for statistic in (accuracy, f1_change):
        stats.bootstrap(
            data,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=1000,
            method="percentile",
            batch=100,
            rng=1,
        )


def slices(candidate: Classified, table: pl.DataFrame) -> None:
    config = EvaluationConfig(metrics=FIVE, slices=COLUMNS)

    def ours() -> None:
        for part in slices_of(table, COLUMNS):
            judge_slice(part, candidate, None, config, None)

    seconds = best(10, ours)
    theirs = best(2, lambda: fairlearn_slices(candidate, table))
    print(f"five metrics on every value of three columns, {len(candidate):,} rows")
    print(f"  ours, with intervals                      {1000 * seconds:10.2f} ms (best of 10)")
    print(f"  fairlearn MetricFrame, without            {1000 * theirs:10.0f} ms (best of 2)")
    print(f"  ratio {theirs / seconds:,.0f}")


def fairlearn_slices(candidate: Classified, table: pl.DataFrame) -> None:
    from fairlearn.metrics import MetricFrame, selection_rate  # noqa: PLC0415
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score  # noqa: PLC0415

    functions = dict(
        zip(FIVE, (accuracy_score, precision_score, recall_score, f1_score, selection_rate), strict=True)
    )
    for column in COLUMNS:
        frame = MetricFrame(
            metrics=functions,
            y_true=candidate.truth,
            y_pred=candidate.predicted,
            sensitive_features=table[column].to_numpy(),
        )
        assert len(frame.by_group) == table[column].n_unique()


def large_table(rows: int) -> pl.DataFrame:
    """Predictions of a classifier."""
    rng = np.random.default_rng(3)
    truth = (rng.random(rows) < 0.12).astype(np.int32)
    score = 1 / (1 + np.exp(2.5 - 2 * truth - rng.normal(size=rows)))
    return pl.DataFrame(
        {
            "key": np.arange(rows),
            "label": truth,
            "prediction": (score > 0.4).astype(np.int32),
            "probability": score,
        }
    )


def whole(rows: int) -> None:
    """A file with predictions of a classifier, read and evaluated by sets of metrics, beside only reading it.

    In seconds of processor time, which other work on the machine lengthens less than those of the clock.
    """
    table = large_table(rows)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("csv", "parquet"):
            path = Path(folder) / f"predictions.{suffix}"
            getattr(table, f"write_{suffix}")(path)
            reading = best(3, lambda path=path: read_table(path), time.process_time)
            print(f"a {suffix} file of {rows:,} rows: read {reading:.2f} s")
            for name, metrics in SETS.items():
                config = EvaluateConfig(
                    task="classification",
                    data=DataConfig(path="x.csv", label="label"),
                    evaluation=EvaluationConfig(metrics=metrics),
                )
                total = best(
                    2, lambda path=path, config=config: evaluate_files(path, None, config), time.process_time
                )
                print(f"  {name:16} {total:6.2f} s, {total / reading:4.1f} times reading")
    scores = table["probability"].to_numpy()
    print(f"one sort of the scores {best(3, lambda: np.sort(scores), time.process_time):.2f} s")


CONFIG = """\
task = "classification"
[[gates]]
kind = "threshold"
metric = "f1"
min = 0.1
"""


def command(rows: int, rounds: int = 5) -> None:
    """`evaluate-gate` as a process, with all metrics, in turn with a process that only reads the file."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gates.toml"
        config.write_text(CONFIG)
        table = large_table(rows)
        for suffix in ("csv", "parquet"):
            path = Path(folder) / f"predictions.{suffix}"
            getattr(table, f"write_{suffix}")(path)
            judging = ["-m", "ml_stages.cli", "evaluate-gate", "--predictions", str(path)]
            judging += ["--config", str(config), "--output", str(Path(folder) / "out")]
            reading = ["-c", f"import polars; polars.read_{suffix}({str(path)!r})"]
            pairs = [(process(reading), process(judging)) for _ in range(rounds)]
            for place, clock in enumerate(("the clock", "processor time")):
                read, judged = (min(times[place] for times in side) for side in zip(*pairs, strict=True))
                paired = statistics.median(ours[place] / bare[place] for bare, ours in pairs)
                print(
                    f"{suffix:8}{clock:16} read {read:.2f} s, judged {judged:.2f} s (fastest of {rounds}): "
                    f"{judged / read:.2f} times, {paired:.2f} by the median of the pairs"
                )


def process(arguments: list[str]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time, of a Python process; its modules are compiled before."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--command", type=int, metavar="ROWS", help="only the whole command, on so many rows")
    options = parser.parse_args()
    if options.command:
        command(options.command)
        return
    rng = np.random.default_rng(0)
    truth = (rng.random(options.rows) < 0.12).astype(np.int32)
    candidate, baseline = model(truth, rng), model(truth, rng)
    table = pl.DataFrame(
        {
            "sex": rng.choice(["f", "m"], options.rows),
            "age": rng.choice(["20", "30", "40", "50", "60", "70"], options.rows),
            "region": rng.choice([f"r{number}" for number in range(12)], options.rows),
        }
    )
    judge(candidate, baseline, 0.95)
    paired_intervals(candidate, baseline)
    slices(candidate, table)
    whole(options.large)


if __name__ == "__main__":
    main()
