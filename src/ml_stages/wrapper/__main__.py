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
    # Names of files may hold bytes that are no text, which no reader of JSON takes.
    text = json.dumps(report, indent=1, ensure_ascii=False).encode("utf-8", "replace")
    Path(job["report"]).write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
