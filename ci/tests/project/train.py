"""Find the weight above which apples are ripe."""

import json
import sys
from pathlib import Path

import pandas as pd

train, model, _seed = sys.argv[1:]
table = pd.read_csv(train)
ripe = table[table["ripe"] == "yes"]["weight"].mean()
unripe = table[table["ripe"] == "no"]["weight"].mean()
print("training on", len(table), "rows")
Path(model, "model.json").write_text(json.dumps({"threshold": (ripe + unripe) / 2}))
