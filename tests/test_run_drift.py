"""Drift in whole runs: the published bundle remembers its data, and the next run is held beside it."""

from __future__ import annotations

import json
from pathlib import Path

from ml_stages import digest
from tests.projects import TinyProject

GATE = '\n[[tool.ml-pipeline.gates]]\nkind = "drift"\n'


def test_data_that_moved_away_from_the_baseline_s_is_stopped(project: TinyProject) -> None:
    """If this fails, a model is released on data that the deployed one has never seen the like of."""
    project.write("pyproject.toml", project.read("pyproject.toml") + GATE)
    first = project.run()
    assert first.exit_status == 0, first.output
    assert first.gate("drift")["status"] == "skipped"
    assert first.gate("drift")["chosen"]
    assert first.stage("data-drift")["reason"] == "no baseline model was given"
    bundle = project.root / "registry" / "apples" / "aliases" / "production" / "bundle"
    assert json.loads((bundle / "profile.json").read_text())["rows"] == 800
    columns = json.loads((bundle / "predictions.json").read_text())["columns"]
    assert [column["name"] for column in columns] == ["prediction", "probability_no", "probability_yes"]

    again = project.run()
    assert again.gate("drift")["status"] == "passed", again.output
    assert "none in 6 columns" in again.gate("drift")["message"]

    project.write_table([{**row, "weight": float(row["weight"]) + 4} for row in project.table()])
    moved = project.run()
    assert moved.exit_status == 3, moved.output
    assert moved.gate("drift")["status"] == "failed"
    assert "major in weight (the distribution moved" in moved.gate("drift")["message"]
    assert '"ruleId": "drift"' in (moved.folder / "results.sarif").read_text()
    assert "Drift: major" in (moved.folder / "report.html").read_text()

    # As releases were packed that kept no profile.
    (bundle / "profile.json").unlink()
    manifest = json.loads((bundle / "bundle.json").read_text())
    del manifest["files"]["profile.json"]
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    version = digest.of_tree(bundle).removeprefix("sha256:")[:12]
    alias = bundle.parent
    alias.resolve().rename(alias.resolve().with_name(version))
    alias.unlink()
    alias.symlink_to(Path("..", "versions", version))
    unknown = project.run()
    assert unknown.exit_status == 3, unknown.output
    assert unknown.gate("drift")["status"] == "inconclusive"
    assert "the baseline carries no profile of its data" in unknown.output
