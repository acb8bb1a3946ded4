"""Take a machine-learning project from source and data to a tested, judged, traceable model image.

`full-pipeline` runs lint, test, data validation, training (on a GPU where there is one), evaluation
and its gates, builds the model image, probes that very image, and ends in a verdict. Only a model that
passed every required gate is published.
"""

from ml_pipeline.main import MlPipeline as MlPipeline
from ml_pipeline.objects import Evaluation as Evaluation
from ml_pipeline.objects import GateOutcome as GateOutcome
from ml_pipeline.objects import StageResult as StageResult
from ml_pipeline.release import ForcedRelease as ForcedRelease
from ml_pipeline.release import Release as Release
