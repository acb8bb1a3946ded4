"""The models that are compared, for every server: `python models.py WHAT FOLDER` in its environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

NAMES = ["width", "length", "height", "weight"]
ROW = [0.3, -1.2, 0.7, 0.1]

PREDICTOR = """\
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression


def load(folder):
    settings = json.loads(Path(folder, "model.json").read_text())
    model = LogisticRegression()
    model.classes_ = np.array(settings["classes"])
    model.coef_ = np.array(settings["weights"])
    model.intercept_ = np.array(settings["bias"])
    model.n_features_in_ = model.coef_.shape[1]
    model.feature_names_in_ = np.array(settings["names"], dtype=object)
    return model


def export(folder, target):
    from skl2onnx import to_onnx

    model = load(folder)
    del model.feature_names_in_
    sample = np.zeros((1, model.n_features_in_), dtype=np.float32)
    graph = to_onnx(model, sample, options={id(model): {"zipmap": False}})
    Path(target).write_bytes(graph.SerializeToString())
"""

BENTO = """\
import bentoml
import numpy as np
from loans_like import load


@bentoml.service(workers=1)
class Fruit:
    def __init__(self) -> None:
        self.model = load("MODEL")

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)
"""

LIT = """\
import sys
import litserve
import numpy as np
from loans_like import load


class Fruit(litserve.LitAPI):
    def setup(self, device):
        self.model = load("MODEL")

    def decode_request(self, request):
        return np.array(request["rows"])

    def predict(self, rows):
        return self.model.predict_proba(rows)

    def encode_response(self, output):
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Fruit(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1, log_level="error")
"""

STARLETTE = """\
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def answer(request):
    await request.body()
    return JSONResponse({"predictions": [[0.25, 0.75]]})


app = Starlette(routes=[Route("/invocations", answer, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, loop="uvloop", http="httptools")
"""


def fit(folder: Path) -> None:
    """A logistic regression on made-up fruit: weights, and the holdout with its offline answers."""
    import numpy as np  # noqa: PLC0415 - each environment has only some of these
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    draw = np.random.default_rng(5)
    table = draw.normal(size=(400, len(NAMES)))
    target = np.where(table[:, 0] - table[:, 1] + draw.normal(size=400) > 0, "ripe", "unripe")
    model = LogisticRegression().fit(table, target)
    settings = {
        "classes": model.classes_.tolist(),
        "weights": model.coef_.tolist(),
        "bias": model.intercept_.tolist(),
        "names": NAMES,
    }
    for name in ("model", "code", "schema", "holdout-features", "predictions"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "model" / "model.json").write_text(json.dumps(settings))
    for name in ("code/fruit.py", "loans_like.py"):
        (folder / name).write_text(PREDICTOR)
    (folder / "service.py").write_text(BENTO.replace("MODEL", str(folder / "model")))
    (folder / "lit.py").write_text(LIT.replace("MODEL", str(folder / "model")))
    (folder / "constant.py").write_text(STARLETTE)
    features = [{"name": name, "type": "float", "nullable": False} for name in NAMES]
    label = {"name": "ripe", "type": "string", "classes": ["ripe", "unripe"]}
    (folder / "schema" / "schema.json").write_text(
        json.dumps({"features": features, "label": label, "key": []})
    )
    rows = table[:100].tolist()
    lines = [",".join(NAMES), *(",".join(map(repr, row)) for row in rows)]
    (folder / "holdout-features" / "features.csv").write_text("\n".join(lines) + "\n")
    (folder / "holdout-features" / "keys.csv").write_text("\n".join(["key", *map(str, range(100))]) + "\n")
    shares = model.predict_proba(table[:100]).tolist()
    labels = model.predict(table[:100]).tolist()
    answers = [f"{row},{labels[row]},{shares[row][0]!r},{shares[row][1]!r}" for row in range(100)]
    head = "key,prediction,probability_ripe,probability_unripe"
    (folder / "predictions" / "predictions.csv").write_text("\n".join([head, *answers]) + "\n")


def save_mlflow(folder: Path) -> None:
    """The same model in MLflow's own format, with a signature."""
    import mlflow.sklearn  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from mlflow.models import infer_signature  # noqa: PLC0415

    sys.path.insert(0, str(folder))
    from loans_like import load  # noqa: PLC0415

    model = load(folder / "model")
    table = pd.DataFrame([ROW], columns=NAMES)
    signature = infer_signature(table, model.predict_proba(table))
    mlflow.sklearn.save_model(
        model, folder / "mlflow", signature=signature, pyfunc_predict_fn="predict_proba"
    )


if __name__ == "__main__":
    {"fit": fit, "mlflow": save_mlflow}[sys.argv[1]](Path(sys.argv[2]))
