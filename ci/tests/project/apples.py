"""Ripe apples are heavy."""

import json
from pathlib import Path

import pandas as pd


class Scale:
    classes_ = ("no", "yes")

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def predict(self, table: pd.DataFrame) -> list[str]:
        return ["yes" if weight > self.threshold else "no" for weight in table["weight"]]

    def predict_proba(self, table: pd.DataFrame) -> list[list[float]]:
        ripe = (1 / (1 + 2.0 ** (self.threshold - table["weight"]))).tolist()
        return [[1 - share, share] for share in ripe]


def load(model_dir: str) -> Scale:
    return Scale(**json.loads(Path(model_dir, "model.json").read_text()))


def export(model_dir: str, path: str) -> None:
    """The same model as ONNX; the colour is an input that nothing reads, as here."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    constants = {"threshold": load(model_dir).threshold, "one": 1.0, "two": 2.0}
    nodes = [
        helper.make_node("Sub", ["threshold", "weight"], ["lacking"]),
        helper.make_node("Pow", ["two", "lacking"], ["odds"]),
        helper.make_node("Add", ["one", "odds"], ["whole"]),
        helper.make_node("Div", ["one", "whole"], ["ripe"]),
        helper.make_node("Sub", ["one", "ripe"], ["unripe"]),
        helper.make_node("Concat", ["unripe", "ripe"], ["shares"], axis=1),
    ]
    number, text = onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING
    graph = helper.make_graph(
        nodes,
        "apples",
        [
            helper.make_tensor_value_info("weight", number, ["rows", 1]),
            helper.make_tensor_value_info("colour", text, ["rows", 1]),
        ],
        [helper.make_tensor_value_info("shares", number, ["rows", 2])],
        [numpy_helper.from_array(np.array([value]), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
