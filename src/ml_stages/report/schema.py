"""Print the JSON Schema of ``verdict.json``: ``python -m ml_stages.report.schema``."""

from __future__ import annotations

import json

from ml_stages.verdict import Verdict


def verdict_schema() -> str:
    """The schema that is published under ``docs/``."""
    return json.dumps(Verdict.model_json_schema(mode="serialization"), indent=1)


if __name__ == "__main__":
    print(verdict_schema())  # noqa: T201 - printing is its work
