"""The served model in whole runs: compared with the baseline's server, and what the verdict says of it."""

from __future__ import annotations

import json

from tests.projects import TinyProject

GATE = """
[[tool.ml-pipeline.gates]]
kind = "latency"
quantile = "p50"
max_ratio = 20
"""


def test_the_baselines_server_is_compared_and_notes_are_seen(project: TinyProject) -> None:
    """If this fails, a slow model replaces a fast one, or nobody hears of a pickle that was allowed.

    The candidate is given a column less than the baseline was, which is asked with all of its own.
    """
    project.write("pyproject.toml", project.read("pyproject.toml") + GATE)
    project.edit("pyproject.toml", 'load = "apples:load"', 'load = "apples:load"\nallow_pickle = ["*.pkl"]')
    project.write("train.py", project.read("train.py") + 'Path(model, "extra.pkl").write_bytes(b"N.")\n')
    first = project.run()
    assert first.exit_status == 0, first.output
    assert first.gate("latency-p50")["status"] == "skipped"
    assert len(json.loads((first.folder / "stages" / "probe.json").read_text())["load"]) == 1
    note = "extra.pkl runs code when it is loaded; allowed by predictor.allow_pickle"
    assert f"build-image: {note}" in first.output
    assert first.stage("build-image")["notes"] == [note]
    assert note in (first.folder / "summary.md").read_text()
    assert note in (first.folder / "report.html").read_text()

    project.edit("pyproject.toml", '"red"] }', '"red"], feature = false }')
    second = project.run()
    assert second.exit_status == 0, second.output
    assert second.gate("no-regression-accuracy")["status"] == "passed"
    judged = second.gate("latency-p50")
    assert judged["status"] == "passed", judged
    assert judged["interval"][0] <= judged["observed"] <= judged["interval"][1] < 20
    loads = json.loads((second.folder / "stages" / "probe.json").read_text())["load"]
    assert [load["server"] for load in loads] == ["candidate", "baseline"]


EVIL = """
import pickle
class Evil:
    def __reduce__(self):
        return (open, ("MARK", "w"))
Path(model, "weights.bin").write_bytes(pickle.dumps(Evil()))
"""


def test_a_hostile_pickle_is_never_loaded(project: TinyProject) -> None:
    """If this fails, whoever can put a file into the model folder runs code in the pipeline."""
    mark = project.root.parent / "loaded"
    project.write("train.py", project.read("train.py") + EVIL.replace("MARK", str(mark)))
    load = "def load(model_dir: str) -> Scale:\n"
    evil = '    __import__("pickle").loads(Path(model_dir, "weights.bin").read_bytes())\n'
    project.edit("apples.py", load, load + evil)
    ran = project.run("--until", "build-image")
    assert ran.exit_status == 3, ran.output
    assert "weights.bin: loading a pickle runs whatever code is in it" in ran.output
    assert not mark.exists()
