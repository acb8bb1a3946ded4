"""Run one stage of ours: ``python -m ml_stages.execute MODULE JOB``.

``MODULE`` has a function ``run(job: Job) -> None`` that writes its outputs and its report. The exit
status is 0 whenever the report was written; an expected error prints one line and exits with 1.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ml_stages.errors import ExitStatus, PipelineError, wording
from ml_stages.job import Job
from ml_stages.room import lacks_room
from ml_stages.startup import importing, keep_memory, sort_quickly


def main(module: str, job_file: str) -> int:
    job = Job.model_validate_json(Path(job_file).read_text(encoding="utf-8"))
    keep_memory()
    sort_quickly()
    try:
        with importing():
            stage = importlib.import_module(module)
        stage.run(job)
    except PipelineError as error:
        print(f"{job.stage}: {error}", file=sys.stderr)  # noqa: T201 - the stage's log
        return int(error.status)
    except OSError as error:
        if not lacks_room(error):
            raise
        print(f"{job.stage}: {wording(error)}", file=sys.stderr)  # noqa: T201 - as above
        return int(ExitStatus.ERROR)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
