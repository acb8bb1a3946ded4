"""`ml-pipeline audit PROJECT` as people and CI call it: processes, files, a service on the loopback."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_stages.audit import parameters
from ml_stages.cli import main
from ml_stages.conclude import Conclusion
from ml_stages.config.load import load_config
from ml_stages.lineage import Lineage
from ml_stages.plan import plan_text
from tests.audit.advisory_service import AdvisoryService, advisory
from tests.projects import TinyProject

SECRET = "AKIA" + "QWERTZUIOPASDFGH"
JINJA = advisory("GHSA-462w", "jinja2", aliases=("CVE-2019-10906",), fixed=("2.10.1",))


@pytest.fixture
def audited(project: TinyProject, service: AdvisoryService) -> TinyProject:
    """The small project with a lock and a table for the audit, and nothing wrong with it."""
    project.write("requirements.lock", "numpy==2.0.0\njinja2==2.10\n")
    project.edit("pyproject.toml", 'interpreter = "current"', 'interpreter = "locked"')
    _configure(project, f'service = "{service.address}"')
    return project


def _configure(project: TinyProject, lines: str) -> None:
    """Add lines to the table, which the first call makes."""
    table = "[tool.ml-pipeline.audit]\n"
    if table not in project.read("pyproject.toml"):
        project.edit("pyproject.toml", "[tool.ml-pipeline.train]", f"{table}\n[tool.ml-pipeline.train]")
    project.edit("pyproject.toml", table, f"{table}{lines}\n")


def _everything_written(folder: Path) -> str:
    files = [Path(here, name) for here, _, names in os.walk(folder) for name in names]
    return "\n".join(file.read_bytes().decode("utf-8", "replace") for file in files)


def _sarif(folder: Path) -> dict[str, dict[str, Any]]:
    (run,) = json.loads((folder / "results.sarif").read_text())["runs"]
    return {result["ruleId"]: result for result in run["results"]}


def test_a_clean_project_passes_and_is_not_searched_twice_a_day(
    audited: TinyProject, service: AdvisoryService
) -> None:
    """If this fails, a good project is held back, or every run asks the service again."""
    ran = audited.run(command="audit")
    assert ran.exit_status == 0, ran.output
    assert [stage["name"] for stage in ran.verdict["stages"]] == ["audit"]
    assert ran.gate("audit")["message"].startswith("2 pins asked about, 3 files searched for insecure code")
    asked = len(service.asked)
    again = audited.run(command="audit")
    assert again.stage("audit")["cached"]["hit"]
    assert len(service.asked) == asked


def test_every_kind_of_fault_is_found_and_no_secret_is_spread(
    audited: TinyProject, service: AdvisoryService
) -> None:
    """If this fails, a fault is missed, is not shown to CI, or a report spreads what leaked."""
    service.add("jinja2", "2.10", JINJA)
    audited.write("evil.py", f'"""Evil."""\n\nkey = "{SECRET}"\nvalue = eval(input())\n')
    ran = audited.run(command="audit")
    assert ran.exit_status == 3, ran.output
    assert ran.gate("audit")["status"] == "failed"
    assert "requirements.lock:2 GHSA-462w jinja2 2.10: " in ran.output
    assert "fixed in 2.10.1" in ran.output
    shown = _sarif(ran.folder)
    assert set(shown) == {"GHSA-462w", "S307", "aws-access-key"}
    place = shown["aws-access-key"]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("evil.py", 3)
    assert "S307" in (ran.folder / "report.html").read_text()
    assert SECRET not in ran.output
    assert SECRET not in _everything_written(ran.folder)
    assert SECRET not in _everything_written(Path(os.environ["ML_PIPELINE_CACHE"]))


def test_an_exception_lets_through_with_its_reason_until_it_ends(
    audited: TinyProject, service: AdvisoryService
) -> None:
    """If this fails, a decision cannot be written down, leaves no trace, or holds for ever."""
    service.add("jinja2", "2.10", JINJA)
    _configure(
        audited,
        'ignore = [{ id = "CVE-2019-10906", reason = "no templates of strangers", until = 2999-12-31 }]',
    )
    ran = audited.run(command="audit")
    assert ran.exit_status == 0, ran.output
    assert "ignored: 1" in ran.output
    (suppression,) = _sarif(ran.folder)["GHSA-462w"]["suppressions"]
    assert suppression["justification"] == "no templates of strangers"
    assert "no templates of strangers" in (ran.folder / "report.html").read_text()
    audited.edit("pyproject.toml", "2999-12-31", "2026-01-31")
    ended = audited.run(command="audit")
    assert ended.exit_status == 3, ended.output
    assert "the exception for CVE-2019-10906 ended on 2026-01-31" in ended.output


def test_a_service_that_is_down_is_an_error_and_is_asked_again(
    audited: TinyProject, service: AdvisoryService
) -> None:
    """If this fails, a runner without network passes, or a short outage holds for the whole day."""
    service.broken = [404]
    ran = audited.run(command="audit")
    assert ran.exit_status == 1, ran.output
    assert ran.gate("audit")["status"] == "error"
    assert "could not ask for known vulnerabilities" in ran.output
    again = audited.run(command="audit")
    assert again.exit_status == 0, again.output
    assert not again.stage("audit")["cached"]["hit"]


def test_a_lock_without_pins_does_not_pass(audited: TinyProject) -> None:
    """If this fails, a lock that says nothing has no known vulnerabilities."""
    audited.write("requirements.lock", "numpy\n")
    ran = audited.run(command="audit")
    assert ran.exit_status == 3, ran.output
    assert "`numpy` names no exact version" in ran.output


def test_asked_by_name_it_needs_neither_table_nor_data(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, nobody can look before adopting it, or a nightly audit has to carry the data."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    shutil.rmtree(project.root / "data")
    project.write("evil.py", '"""Evil."""\n\nvalue = eval(input())\n')
    ran = project.run(command="audit")
    assert ran.exit_status == 3, ran.output
    assert "evil.py:3 S307" in ran.output
    assert "could not ask" in ran.output


def test_yesterdays_pass_does_not_count_today(
    audited: TinyProject,
    service: AdvisoryService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If this fails, an advisory that came out over night is found when something else changes."""
    monkeypatch.setenv("CI", "true")
    assert main(["audit", str(audited.root)]) == 0
    service.add("jinja2", "2.10", JINJA)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            assert tz is UTC
            return datetime(2999, 1, 1, tzinfo=UTC)

    assert main(["audit", str(audited.root)]) == 0
    monkeypatch.setattr(parameters, "datetime", Tomorrow)
    assert main(["audit", str(audited.root)]) == 3
    assert "the day changed" in capsys.readouterr().out


def _stages(project: TinyProject, until: str | None = None) -> set[str]:
    config = load_config(project.root).config
    origins = Lineage(pipeline_version="1", seed=0)
    conclusion = Conclusion(config=config, origins=origins, until=until)
    return {stage.name for stage in conclusion.stages()}


def test_a_run_has_the_stage_when_its_table_is_there(project: TinyProject) -> None:
    """If this fails, a project is audited that did not ask for it, or one that asked is not."""
    assert "audit" not in _stages(project)
    assert "audit" not in plan_text(load_config(project.root).config)
    assert _stages(project, "audit") == {"audit"}
    _configure(project, "secrets = false")
    assert "audit" in _stages(project) & _stages(project, "evaluate-gate")
    assert "ml_stages.audit.stage" in plan_text(load_config(project.root).config)


@pytest.mark.parametrize(
    "gate", ['kind = "audit"', 'kind = "any"\nname = "a"\n[[tool.ml-pipeline.gates.gates]]\nkind = "audit"']
)
def test_a_gate_that_reads_the_audit_asks_for_it(project: TinyProject, gate: str) -> None:
    """If this fails, a required gate is left out of the verdict without a word."""
    project.write("pyproject.toml", f"{project.read('pyproject.toml')}\n[[tool.ml-pipeline.gates]]\n{gate}\n")
    assert "audit" in _stages(project)


def test_a_whole_run_is_judged_by_the_audit_too(project: TinyProject, service: AdvisoryService) -> None:
    """If this fails, a model goes out although its source leaks a key."""
    _configure(project, f'service = "{service.address}"')
    project.write("notes.txt", f"{SECRET}\n")
    ran = project.run()
    assert ran.exit_status == 3, ran.output
    assert not ran.verdict["should_deploy"]
    assert ran.verdict["causes"] == [f"audit: {ran.gate('audit')['message']}"]
    assert ran.stage("probe")["status"] == "passed"
