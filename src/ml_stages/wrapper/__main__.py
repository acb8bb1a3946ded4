"""``python -m ml_stages.wrapper STAGE JOB``: exit status 0 whenever the report was written."""

from __future__ import annotations

import errno
import importlib
import json
import sys
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Not from the runner's own code: what a training is made of changes as seldom as can be."""


def main(stage: str, job_file: str) -> int:
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    module = importlib.import_module(f"ml_stages.wrapper.{stage}")
    try:
        report = module.run(job)
        # Names of files may hold bytes that are no text, which no reader of JSON takes.
        text = json.dumps(report, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        Path(job["report"]).write_bytes(text)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        place = f": {error.filename}" if error.filename else ""
        raise SystemExit(f"{stage}: {error.strerror}{place}") from None
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
