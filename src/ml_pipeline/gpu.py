"""Whether the engine has a GPU to train on."""

from __future__ import annotations

import dagger
from dagger import dag

from ml_pipeline.containers import PIPELINE_PYTHON
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.errors import PipelineError


async def engine_has_gpu(config: EnvironmentConfig) -> bool:
    """Ask the engine for a container with its GPUs, and the driver in it for their names.

    An engine that was started without GPU support refuses the container. Raises
    :class:`PipelineError` when there is none and the configuration says ``gpu = "required"``.
    """
    if config.gpu == "off":
        return False
    probe = (
        dag.container()
        .from_(f"python:{PIPELINE_PYTHON}-slim")
        .experimental_with_all_gp_us()
        .with_exec(["nvidia-smi", "-L"], expect=dagger.ReturnType.ANY)
    )
    try:
        found = await probe.exit_code() == 0
    except dagger.QueryError:
        found = False
    if config.gpu == "required" and not found:
        raise PipelineError("the engine has no GPU, and the configuration says environment.gpu = 'required'")
    return found
