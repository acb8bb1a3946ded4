"""The trained model as it is stored and as it answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save

from loans.features import CLASSES, Matrix, Preprocessing
from loans.model import Ensemble, Network, Settings

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Predictor:
    """Answers for applications in a data frame: any number of rows, columns in any order."""

    preprocessing: Preprocessing
    settings: Settings
    ensemble: Ensemble
    threshold: float
    """Smallest probability of approval at which an application is recommended."""

    @property
    def classes_(self) -> NDArray[np.str_]:
        """Labels, in the order of the columns of `predict_proba`."""
        return np.array(CLASSES)

    def predict_proba(self, applications: pd.DataFrame) -> Matrix:
        """Probabilities of the classes, of shape (rows, 2)."""
        rows = torch.from_numpy(self.preprocessing.transform(applications))
        with torch.inference_mode():
            approved = self.ensemble(rows).numpy()
        return np.column_stack([1 - approved, approved])

    def predict(self, applications: pd.DataFrame) -> NDArray[np.str_]:
        """Recommend: "yes" from the threshold on, else "no"; one a row."""
        approved = self.predict_proba(applications)[:, 1]
        return np.where(approved >= self.threshold, "yes", "no")

    def save(self, folder: Path) -> None:
        """Store weights and description; neither can run code when loaded."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "members": len(self.ensemble.members),
            "settings": asdict(self.settings),
            "threshold": self.threshold,
            "preprocessing": self.preprocessing.to_json(),
        }
        (folder / WEIGHTS).write_bytes(save(self.ensemble.state_dict()))
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load(model_dir: str | Path) -> Predictor:
    """Load what `train.py` stored."""
    folder = Path(model_dir)
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    settings = Settings.from_json(description["settings"])
    preprocessing = Preprocessing.from_json(description["preprocessing"])
    ensemble = Ensemble([Network(preprocessing.width, settings) for _ in range(description["members"])])
    ensemble.load_state_dict(load_file(folder / WEIGHTS))
    return Predictor(preprocessing, settings, ensemble.eval(), description["threshold"])
