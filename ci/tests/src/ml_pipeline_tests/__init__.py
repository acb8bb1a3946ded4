"""Test the ml-pipeline module as another module uses it: on a real engine, on a small project.

`dagger check` runs every test; `dagger call publish-and-pull` runs one.
"""

from ml_pipeline_tests.main import MlPipelineTests as MlPipelineTests
