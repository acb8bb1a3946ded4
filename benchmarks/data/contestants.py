# ruff: noqa: PLC0415, ANN001, ANN201, ANN202 - each contestant imports what it needs, of whatever types its library has
# mypy: ignore-errors
"""The same work by every contestant, one a process: `contestants.py NAME FILE [REFERENCE]` prints JSON.

The clock starts after the imports and stops when every rule is judged; with ``FIRST=1`` in the
environment (as root) the process goes before all others of the machine meanwhile. Only the contestant's
own library (and pandas or Polars) is needed, so that peers may live in an environment of their own.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

NOT_NULL = ["id", "i0", "s0", "b", "y"]
BETWEEN = {
    **{f"f{i}": (-10.0, 10.0) for i in range(1, 6)},
    "f6": (0.0, 1e6),
    "f7": (0.0, 1e6),
    "f8": (-10.0, 10.0),
    "i0": (0, 10),
    "i1": (0, 100),
    "i2": (0, 5_000),
    "i3": (0, 1_000_000),
}
ALLOWED = {"s1": ["red", "green", "blue", "yellow"], "s0": [f"s{i:02d}" for i in range(50)]}
PATTERN = ("s2", r"\d+-code")
UNIQUE = "id"
"""5 + 12 + 2 + 1 + 1 = 21 rules."""


def bare_polars(file, _):
    import polars as pl

    return lambda: pl.read_parquet(file).height


def ours(file, _, *, key=True, distributions=True):
    from ml_stages.startup import keep_memory, sort_quickly

    keep_memory()  # as the commands and stages do
    sort_quickly()
    import numpy.ma  # noqa: F401 - Polars imports it with the first array that it is given

    from ml_stages.checks.registry import CHECKS
    from ml_stages.config.data import DataConfig
    from ml_stages.data.measure import measure
    from ml_stages.data.read import open_table

    columns = {name: {} for name in NOT_NULL}
    for name, (low, high) in BETWEEN.items():
        columns.setdefault(name, {}).update(min=low, max=high, max_null=0.05)
    for name, values in ALLOWED.items():
        columns.setdefault(name, {}).update(allowed=values)
    columns[PATTERN[0]] = {"pattern": PATTERN[1]}
    columns[UNIQUE] = {"unique": True}
    config = DataConfig.model_validate(
        {
            "path": Path(file).name,
            "label": "y",
            "columns": columns,
            "key": [UNIQUE] if key else [],
            "distributions": distributions,
        }
    )

    def work():
        profile = measure(open_table(Path(file).parent, config), config, "classification")
        return [finding.message for check in CHECKS for finding in check(profile, config)]

    return work


def ours_with_row_duplicates(file, _):
    return ours(file, _, key=False)


def our_rules_alone(file, _):
    return ours(file, _, distributions=False)


def bare_csv_scan(file, _):
    import polars as pl

    return lambda: pl.scan_csv(file).collect(engine="streaming").height


def pandera_pandas(file, _):
    import pandas as pd
    import pandera.pandas as pa

    return lambda: _pandera(pa, pd.read_parquet(file))


def pandera_polars(file, _):
    import pandera.polars as pa
    import polars as pl

    return lambda: _pandera(pa, pl.read_parquet(file))


def _pandera(pa, table):
    columns = {}
    for name in table.columns:
        checks = [pa.Check.in_range(*BETWEEN[name])] if name in BETWEEN else []
        checks += [pa.Check.isin(ALLOWED[name])] if name in ALLOWED else []
        checks += [pa.Check.str_matches(f"^{PATTERN[1]}$")] if name == PATTERN[0] else []
        columns[name] = pa.Column(checks=checks, nullable=name not in NOT_NULL, unique=name == UNIQUE)
    try:
        pa.DataFrameSchema(columns).validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        return len(error.failure_cases)
    return []


def great_expectations(file, _):
    import great_expectations as gx
    import pandas as pd

    def work():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        batch = (
            context.data_sources.add_pandas("p")
            .add_dataframe_asset("t")
            .add_batch_definition_whole_dataframe("b")
        )
        e = gx.expectations
        rules = [e.ExpectColumnValuesToNotBeNull(column=name) for name in NOT_NULL]
        rules += [
            e.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
            for name, (low, high) in BETWEEN.items()
        ]
        rules += [e.ExpectColumnValuesToBeInSet(column=name, value_set=v) for name, v in ALLOWED.items()]
        rules += [e.ExpectColumnValuesToMatchRegex(column=PATTERN[0], regex=f"^{PATTERN[1]}$")]
        rules += [e.ExpectColumnValuesToBeUnique(column=UNIQUE)]
        suite = gx.ExpectationSuite(name="s", expectations=rules)
        found = batch.get_batch({"dataframe": pd.read_parquet(file)}).validate(suite)
        return [r.success for r in found.results].count(False)

    return work


DRIFT_COLUMNS = [*(f"f{i}" for i in range(9)), "i0", "i1", "i2", "s0", "s1", "s2", "b"]


def read_drift_columns(file, _):
    import polars as pl

    return lambda: pl.read_parquet(file, columns=DRIFT_COLUMNS).height


def our_drift(file, reference):
    from ml_stages.startup import keep_memory, sort_quickly

    keep_memory()
    sort_quickly()
    from ml_stages.config.data import DataConfig
    from ml_stages.data.measure import measure
    from ml_stages.data.profile import Profile
    from ml_stages.data.read import open_table
    from ml_stages.data.wanted import Scope
    from ml_stages.drift.measure import drift

    def profile(path, for_drift):
        scope = Scope(without=frozenset({"id", "i3", "y", "t"}), rows=False, for_drift=for_drift)
        config = DataConfig(path=Path(path).name, label="")
        return measure(open_table(Path(path).parent, config), config, "regression", scope)

    stored = profile(reference, for_drift=False).model_dump_json()
    return lambda: str(drift(Profile.model_validate_json(stored), profile(file, for_drift=True)).severity)


def evidently(file, reference):
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    texts = ["s0", "s1", "s2", "b"]
    kinds = DataDefinition(
        numerical_columns=[name for name in DRIFT_COLUMNS if name not in texts], categorical_columns=texts
    )
    stored = Dataset.from_pandas(pd.read_parquet(reference, columns=DRIFT_COLUMNS), data_definition=kinds)

    def work():
        now = Dataset.from_pandas(pd.read_parquet(file, columns=DRIFT_COLUMNS), data_definition=kinds)
        return str(Report([DataDriftPreset()]).run(now, stored).dict()["metrics"][0]["value"])

    return work


def alibi_detect(file, reference):
    import numpy as np
    import pandas as pd
    from alibi_detect.cd import TabularDrift

    texts = {"s0", "s1", "s2", "b"}

    def matrix(path):
        table = pd.read_parquet(path, columns=DRIFT_COLUMNS)
        for name in texts:
            table[name] = pd.factorize(table[name], sort=True)[0]
        return np.nan_to_num(table.to_numpy(dtype=float))

    stored = matrix(reference)
    places = {DRIFT_COLUMNS.index(name): None for name in texts}
    detector = TabularDrift(stored, p_val=0.05, categories_per_feature=places)
    return lambda: int(detector.predict(matrix(file))["data"]["is_drift"])


def go_first():
    """All threads, those that Polars or pyarrow made among them; threads that they start inherit it."""
    time.sleep(0.3)  # until what was done so far does not count for the system's limit of 95 %
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(10))


if __name__ == "__main__":
    name, file, reference = [*sys.argv[1:], ""][:3]
    work = globals()[name](file, reference)
    if os.environ.get("FIRST"):
        go_first()
    started, used = time.perf_counter(), time.process_time()
    found = work()
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "cpu": time.process_time() - used,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "found": found,
            }
        )
    )
