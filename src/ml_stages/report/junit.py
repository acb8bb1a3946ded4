"""``junit.xml``: gates, stages and the project's failed tests, for whatever CI shows test results."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ml_stages.conclude import Results
from ml_stages.evidence import TestReport
from ml_stages.gates.gate import GateStatus
from ml_stages.gather import report_of
from ml_stages.outcome import StageOutcome, StageStatus
from ml_stages.verdict import GateResult, Verdict

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(verdict: Verdict, results: Results) -> str:
    """The XML text; an advisory gate that did not pass is shown as skipped, with its message."""
    root = ET.Element("testsuites", name=f"ml-pipeline {verdict.name}")
    _suite(root, "gates", [_gate(gate) for gate in verdict.gates])
    _suite(root, "stages", [_stage(stage) for stage in verdict.stages])
    tests = report_of(results, "test", TestReport)
    if tests and tests.failed_tests:
        _suite(
            root, "tests", [_case("tests", test.name, "failure", test.message) for test in tests.failed_tests]
        )
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ET.Element, name: str, cases: list[ET.Element]) -> None:
    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, count(tag))
    suite.extend(cases)


def _gate(gate: GateResult) -> ET.Element:
    kinds = {GateStatus.PASSED: None, GateStatus.SKIPPED: "skipped", GateStatus.ERROR: "error"}
    kind = kinds.get(gate.status, "failure")
    return _case("gates", gate.name, "skipped" if kind and not gate.required else kind, gate.message)


def _stage(stage: StageOutcome) -> ET.Element:
    kinds = {StageStatus.FAILED: "failure", StageStatus.ERROR: "error", StageStatus.SKIPPED: "skipped"}
    case = _case("stages", stage.name, kinds.get(stage.status), stage.reason, "\n".join(stage.tail))
    case.set("time", f"{stage.duration:.3f}")
    return case


def _case(suite: str, name: str, kind: str | None, message: str, text: str = "") -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=_xml(name))
    if kind:
        ET.SubElement(case, kind, message=_xml(message)).text = _xml(text) or None
    else:
        ET.SubElement(case, "system-out").text = _xml(message)
    return case


def _xml(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)
