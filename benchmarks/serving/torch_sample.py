"""The sample project's torch model, in a bundle and in LitServe: `python torch_sample.py PYTHON [SITE]`.

PYTHON has the sample project's dependencies; SITE is a folder with litserve installed (put behind PYTHON's
own packages). The bundle's server runs in the same PYTHON. See README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from compare import HELD_OUT, Server, compare, with_rounds

from ml_stages.job import Job
from ml_stages.model import bundle

PROJECT = Path(__file__).resolve().parents[2] / "sample_project"
TYPES = {
    **dict.fromkeys(("debt_to_income", "housing_to_income", "loan_to_value"), "float"),
    **dict.fromkeys(("consumer_credit_score", "mortgage_credit_score"), "int"),
    "industry_unemployment": "float",
    **dict.fromkeys(("public_bad_record", "insurance_denied", "self_employed", "condominium"), "string"),
}
ROW = dict(zip(TYPES, (0.33, 0.25, 0.8, 2, 2, 3.9, "no", "no", "no", "yes"), strict=True))

LIT = """\
import sys
sys.path.append("SITE")
sys.path.insert(0, "PROJECT")
import litserve
import pandas as pd
from loans.predictor import load


class Loans(litserve.LitAPI):
    def setup(self, device):
        self.model = load("MODEL")

    def decode_request(self, request):
        return request["row"]

    def batch(self, rows):
        return rows

    def unbatch(self, output):
        return output

    def predict(self, rows):
        table = pd.DataFrame(rows if isinstance(rows, list) else [rows])
        labels, shares = self.model.predict(table).tolist(), self.model.predict_proba(table).tolist()
        found = [{"prediction": label, "probabilities": share} for label, share in zip(labels, shares)]
        return found if isinstance(rows, list) else found[0]

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    batch = int(sys.argv[2])
    options = {"max_batch_size": batch, "batch_timeout": 0.002} if batch > 1 else {}
    server = litserve.LitServer(Loans(**options), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1, log_level="error")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path)
    parser.add_argument("site", type=Path, nargs="?")
    options = with_rounds(parser).parse_args()
    compare(lambda folder: _servers(folder, options.python, options.site), options.rounds, options.seconds)


def _servers(folder: Path, python: Path, site: Path | None) -> list[Server]:
    made = _bundle(folder, python)
    split = {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}
    served = [str(python), str(made / "serve"), "--port", "18111"]
    servers = [Server("ml-pipeline, torch", served, 18111, document=split)]
    if site is not None:
        text = LIT.replace("SITE", str(site)).replace("PROJECT", str(PROJECT))
        (folder / "lit.py").write_text(text.replace("MODEL", str(folder / "model")))
        for port, batch in ((18112, 1), (18113, 16)):
            command = [str(python), str(folder / "lit.py"), str(port), str(batch)]
            name = "LitServe" if batch == 1 else f"LitServe, batches of {batch}"
            servers.append(Server(name, command, port, "/predict", {"row": ROW}))
    return servers


def _bundle(folder: Path, python: Path) -> Path:
    for name in ("model", "schema", "bundle"):
        (folder / name).mkdir()
    training = ["train.py", "--data", "data/hmda.csv", "--model", str(folder / "model"), "--seed", "0"]
    subprocess.run([python, *training, "--repeats", "1"], cwd=PROJECT, check=True, stdout=sys.stderr)
    features = [{"name": name, "type": kind, "nullable": True} for name, kind in TYPES.items()]
    label = {"name": "approved", "type": "string", "classes": ["no", "yes"]}
    (folder / "schema" / "schema.json").write_text(
        json.dumps({"features": features, "label": label, "key": []})
    )
    code = folder / "code"
    (code / "loans").mkdir(parents=True)
    for path in (PROJECT / "loans").glob("*.py"):
        (code / "loans" / path.name).write_bytes(path.read_bytes())
    job = Job(
        stage="build-image",
        config={
            "name": "loans",
            "task": "classification",
            "predictor": {"load": "loans.predictor:load"},
            **HELD_OUT,
        },
        parameters={"python": str(python), "lock": None, "labels": {}},
        inputs={name: folder / name for name in ("model", "code", "schema")},
        outputs={"bundle": folder / "bundle"},
        report=folder / "report.json",
    )
    bundle.run(job)
    return folder / "bundle"


if __name__ == "__main__":
    main()
