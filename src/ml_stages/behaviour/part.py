"""One set of rows that the predictor is asked for besides the holdout, and what is expected of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ml_stages.config.data import Value

Operation = Literal["set", "add", "multiply", "noise", "missing", "outside", "train"]
Expectation = Literal["same", "increase", "decrease", "any"]


class Part(BaseModel):
    """`part.json`: how rows were changed, and what their predictions are held against."""

    model_config = ConfigDict(frozen=True)

    gate: str
    """Label of the gate that asks."""
    variant: str
    """The change in words."""
    operation: Operation
    """`train` takes rows of the train set as they are; all others change rows of the holdout."""
    column: str | None = None
    """The column that is changed; ``None`` for all features."""
    value: Value | None = None
    """What is set, added or multiplied; the noise's share of the standard deviation, the share of cells
    that go missing, or how many ranges beyond the largest value numbers lie."""
    expects: Expectation = "same"
    tolerance: float = 0.0
    """Change of a number that counts as none."""
    of: str | None = None
    """The class whose probability moves; ``None`` for the positive one, or for a number."""
    rows: int = 500
    """Most rows to ask for."""
    fault: str = ""
    """Why no rows could be made: what the gate asks for does not fit the data."""
    idle: str = ""
    """Why the change leaves every row as it is."""
