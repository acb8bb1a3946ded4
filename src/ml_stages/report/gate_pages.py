"""Write the pages of gates, metrics, checks and keys: ``python -m ml_stages.report.gate_pages FOLDER``.

All of it comes from the models: the class's docstring (what it says, and the paragraphs that begin with
`Null hypothesis:`, `Source:`, `Assumes:` and `Limits:`), and the docstring of each field.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from ml_stages.config.docstrings import docstrings
from ml_stages.evaluation.catalogue import CATALOGUE, PARAMETRISED, MetricSpec
from ml_stages.gates.gate import GateConfig
from ml_stages.gates.registry import GATES, STANDING_GATES
from ml_stages.report.check_page import check_page
from ml_stages.report.configuration_page import configuration
from ml_stages.report.paragraphs import paragraphs

SECTIONS = ("Null hypothesis", "Assumes", "Limits", "Source")
_NO_TEST = "None: nothing is estimated, so that chance has no part in the result."
_SHARED = ("name", "required", "kind")
_WRITTEN = "Written by `make docs` from the models; do not edit."


def pages() -> dict[str, str]:
    """File name below the folder of documents to its text."""
    found = {f"gates/{kind}.md": page(kind) for kind in GATES}
    return found | {
        "gates/README.md": index(),
        "metrics.md": metrics(),
        "checks.md": check_page(),
        "configuration.md": configuration(),
    }


def sections(gate: type[GateConfig]) -> dict[str, str]:
    """The paragraphs of a gate's docstring by their heading; the first ones under ``""``."""
    return paragraphs(inspect.cleandoc(gate.__doc__ or ""), SECTIONS)


def page(kind: str) -> str:
    """One gate's page."""
    gate = GATES[kind]
    known = sections(gate)
    known.setdefault("Null hypothesis", _NO_TEST)
    standing = "\n\nStands by itself; list it only to change it." if kind in STANDING_GATES else ""
    blocks = [
        f"# Gate `{kind}`",
        known[""] + standing,
        *(f"## {name}\n\n{_sentence(known[name])}" for name in SECTIONS if name in known),
        f"## Configuration\n\n{_example(kind, gate)}\n\n{_fields(gate)}",
        (
            "Every gate also has `name` (what reports call it) and `required` (default `true`; with `false` "
            "it only reports)."
        ),
        _WRITTEN,
    ]
    return "\n\n".join(blocks) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _own(gate: type[GateConfig]) -> dict[str, FieldInfo]:
    return {name: field for name, field in gate.model_fields.items() if name not in _SHARED}


def _example(kind: str, gate: type[GateConfig]) -> str:
    needed = [f"{name} = {_sample(name, field)}" for name, field in _own(gate).items() if field.is_required()]
    return "\n".join(
        ["```toml", "[[tool.ml-pipeline.gates]]", f'kind = "{kind}"', *needed, *_CHOSEN.get(kind, ()), "```"]
    )


_SAMPLES = {
    "metric": '"f1"',
    "margin": "0.02",
    "column": '"sex"',
    "values": '["female", "male"]',
    "moves": '"up"',
    "criterion": '"equal-opportunity"',
    "max_error": "0.05",
    "max_bytes": "100_000_000",
    "max_seconds": "600",
    "min_per_second": "100",
    "max": "0.05",
    "gates": '[{ kind = "threshold", metric = "f1", min = 0.8 }]',
}
"""A value for each setting that has no default, by its name."""


_CHOSEN = {
    "threshold": ("min = 0.8",),
    "slice": ("margin = 0.05",),
    "directional": ("add = 1000",),
    "latency": ("max_seconds = 0.05",),
}
"""What an example chooses where one of several settings is needed."""


def _sample(name: str, field: FieldInfo) -> str:
    return _SAMPLES.get(name, '"..."' if field.annotation is str else "...")


def _fields(gate: type[GateConfig]) -> str:
    meaning = docstrings(gate)
    rows = [
        f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {_cell(meaning.get(name, ''))} |"
        for name, field in _own(gate).items()
    ]
    if not rows:
        return "It has no settings of its own."
    return "\n".join(["| setting | type | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _type(annotation: Any) -> str:
    """The type as a person writes it."""
    members = get_args(annotation)
    if members and all(isinstance(member, str) for member in members):
        return " or ".join(f'`"{member}"`' for member in members)
    text = re.sub(
        r"\b(?:\w+\.)+", "", getattr(annotation, "__name__", "") if not members else str(annotation)
    )
    known = {"str": "text", "float": "number", "int": "whole number", "bool": "`true` or `false`"}
    if text in known:
        return known[text]
    if "Annotated[" in text:
        return "gates"
    if text.startswith(("list", "dict")):
        return "list" if text.startswith("list") else "table"
    numbers = {"float | None": "number", "str | None": "text", "int | None": "whole number"}
    return numbers.get(text, "text, number or truth value")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=False)
    if default is None:
        return "none"
    text = str(default).lower() if isinstance(default, bool) else repr(default)
    return f"`{text}`".replace("'", '"')


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def index() -> str:
    """The list of all gates."""
    rows = [
        f"| [`{kind}`]({kind}.md) | {_cell(sections(GATES[kind])[''].split(chr(10) * 2)[0])} |"
        for kind in GATES
    ]
    return "\n".join(
        [
            "# Gates",
            "",
            "A gate that estimates something has three values: proven good passes, proven bad fails, what",
            'is neither is `inconclusive` and blocks unless the gate says `inconclusive = "pass"`. That',
            "all gates pass needs no correction for their number; a failure that the number of gates",
            "explains is called inconclusive (Holm's procedure over the gates). What cannot be judged is",
            "an `error`, never a pass.",
            "",
            "| kind | passes when |",
            "| --- | --- |",
            *rows,
            "",
            _WRITTEN,
            "",
        ]
    )


def metrics() -> str:
    """The page of the metrics."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "Names for `evaluation.metrics`, `evaluation.more_metrics` and gates. A metric without an honest",
            "interval on some rows is `inconclusive` there, and says why.",
            "",
            "| name | tasks | what it is | better | range |",
            "| --- | --- | --- | --- | --- |",
            *(_metric(spec) for spec in (*CATALOGUE, *PARAMETRISED)),
            "",
            "Metrics with a parameter (`top_k@3`, `recall[cat]`) are computed where they are named.",
            "",
            "## Intervals",
            "",
            *_METHODS,
            "",
            _WRITTEN,
            "",
        ]
    )


_METHODS = (
    "- Shares of rows (accuracy, precision, recall, top-k): Clopper and Pearson's exact interval,",
    "  which with more than 100 rows on both sides is taken from the Paulson-Camp-Pratt approximation",
    "  (it differs by 0.005 % of the width); compared by Tango's, beyond 95 % at least as wide as the",
    "  exact intervals of both shares joined by squared distances.",
    "- Balanced accuracy and macro precision and recall of two classes, of which the smaller has at",
    "  most 100 rows: an exact test of the mean of both shares, of which each side errs in at most half",
    "  of what is allowed, whatever the two shares (Buehler, J. Am. Stat. Assoc. 52:482 (1957)). Of more",
    "  rows or classes: those intervals of the classes, joined by squared distances. Compared as F1 is.",
    "- F1: that interval of Jaccard's index. Compared: Dirichlet tables over the joint",
    "  confusion cells, with one more row in the worst place (melded), so that harm on rows that",
    "  were not seen is allowed for.",
    "- Macro and weighted F1, MCC: basic bootstrap of the confusion cells, or melded Dirichlet where",
    "  errors are few.",
    "- ROC AUC: DeLong on the logit scale, by Student's t, or where that is wider allowing for rows of the",
    "  rarer class that rank below all else, and of which none was drawn: 25 positives, all ranked right,",
    "  leave room for one in eight, so that the lower bound is 0.88, and 72 leave it at 0.96. Where fewer",
    "  than ten are ranked wrongly, above the bound of Clopper and Pearson for as many rows as the variance",
    "  is worth. Compared by paired DeLong, widened for rare jumps. PR AUC: infinitesimal jackknife.",
    "- Log loss, Brier, MAE, MAPE, quantile loss: Student's t, widened for skewness and for a row as bad",
    "  as the worst that was seen; upwards also for one as far out as 1.75 times the logarithm of the rows",
    "  times their deviation, and of two models whose predictions lie heavily apart (below) for one half",
    "  as bad again (MAE, quantile loss). Log loss reaches at least as far as rows would move it that have",
    "  another label than those of which the model is surest, as many of them as may exist when none was",
    "  drawn: 500 rows with probabilities of 0 and 1, all right, leave room for 0.26; of groups all such",
    "  rows may be wrong together. RMSE and R2 by the delta method, from 400 rows on; compared, from 5, and",
    "  with room for a row that one model loses: predicted as the mean label, or as badly as the worst",
    "  quarter. Of rows without any error MAE, MAPE, quantile loss, RMSE and R2 have no interval, nor has a",
    "  comparison of log losses.",
    "- Heavy tails: RMSE, R2 and MAPE have no interval where the rows' contributions are skewed and",
    "  heavier than those of normal errors, since rows that were not seen may outweigh all that were",
    "  (Bahadur and Savage, Ann. Math. Stat. 27:1115 (1956)); judge MAE or a quantile loss. Of two models",
    "  the tail of the difference counts, which is light where both meet the same errors, and that of the",
    "  distance of their predictions. Other losses keep their interval, with a note. A tail of which the",
    "  holdout shows nothing goes unseen.",
    "- Calibration error: debiased (Kumar, Liang and Ma, NeurIPS 2019), with no comparison. The interval",
    "  is of noncentral chi-squared over the bins (Sankaran, Biometrika 50:199 (1963)), as if all error lay",
    "  where the noise is most, leaning as Wilson's does, and reaches at least as far as the exact interval",
    "  of what occurred in all and as far as unseen rows could move a bin that has one outcome alone.",
    "- Multilabel, ranking and a project's own metrics: Student's t over rows, queries or blocks,",
    "  widened likewise. What comes out the same for every model is undefined: a ranking of queries whose",
    "  rows are all equally relevant, `precision@K` of no more than K rows, `top_k@K` of K classes.",
    "- With `evaluation.cluster`: never narrower than by rows, and none where rows have none. Recall,",
    "  precision and F1 allow for a group lost of as many as hold the rows that they are shares of.",
    "  Student's t over the groups, with fewer degrees of freedom where some",
    "  hold most of the rows (Bell and McCaffrey). Few groups do not show how much worse some may be: where",
    "  they differ by more than a fraction of their mean loss, log loss, Brier, MAE, MAPE, RMSE, quantile",
    "  loss and R2 reach at least as far towards more loss as if groups were lognormal, and more the fewer",
    "  there are. Of a metric of one's own, all groups tell how skewed the large ones may be, and numbers",
    "  that are all positive, or all negative, are taken for amounts and reach as far; of other numbers",
    "  few groups do not show how skewed they are, so that the interval reaches as far as very skewed ones",
    "  need: half as far again at ten groups, a tenth farther at fifty. Hall's t and the bootstrap-t over",
    "  groups were no help (benchmarks/soundness). Groups that differ by more than their mean loss are",
    "  noted: a heavy tail. Where losses of two models are compared, each may be skewed so, and a group",
    "  that was not seen may be lost whole: as much as the worst one, or with rows as bad as those whose",
    "  class is wrong, as numbers where always their mean is predicted, or as the worst quarter. Where",
    "  counts are compared, each row of such a group loses what its class can lose, and it is made up as",
    "  those groups are that have most to lose. Where ROC AUC or PR AUC is compared, as many groups rank",
    "  beyond all others, on the wrong side, as may exist when none of them was drawn: of 50 groups 7 %,",
    "  so that ROC AUC is known no closer than 0.13 (0.03 with 200 groups). Rows at the very top lower PR",
    "  AUC much more: 0.4 with 50 groups, 0.06 with 1,000; judge ROC AUC. With `evaluation.label_noise`:",
    "  widened for what wrong labels hide (accuracy; balanced accuracy and ROC AUC of two",
    "  classes), no interval for the others.",
)


def _metric(spec: MetricSpec) -> str:
    tasks = ", ".join(task.value for task in spec.tasks)
    low, high = ("no limit" if bound is None else f"{bound:g}" for bound in (spec.lowest, spec.highest))
    better = "higher" if spec.greater_is_better else "lower"
    needs = "; needs probabilities" if spec.needs_probabilities else ""
    return f"| `{spec.name}` | {tasks} | {_cell(spec.meaning)}{needs} | {better} | {low} to {high} |"


def main(arguments: Iterable[str]) -> None:
    (folder,) = arguments
    for name, text in pages().items():
        file = Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
