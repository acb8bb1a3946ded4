"""``python -m ml_stages.wrapper STAGE JOB``: exit status 0 whenever the report was written."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main(stage: str, job_file: str) -> int:
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    module = importlib.import_module(f"ml_stages.wrapper.{stage}")
    report = module.run(job)
    Path(job["report"]).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
