"""Finding model files that run code, without running any."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from ml_stages.model.pickles import find_pickles, runs_code


class Hostile:
    """Writes a file when it is loaded."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (self.marker, "w"))


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_hostile_pickles_are_found_and_never_loaded(tmp_path: Path, protocol: int, pack: object) -> None:
    """If this fails, a model from a stranger runs code on the machine that packs or serves it."""
    marker = tmp_path / "was-loaded"
    file = tmp_path / "weights.bin"
    file.write_bytes(pack(pickle.dumps(Hostile(str(marker)), protocol)))  # type: ignore[operator]
    assert runs_code(file)
    assert not marker.exists()


def test_archives_with_pickles_are_found(tmp_path: Path) -> None:
    """If this fails, torch's own format passes as data, although it is a pickle in a zip."""
    hostile = pickle.dumps(Hostile(str(tmp_path / "was-loaded")))
    for name, content in {
        "torch.bin": _zip({"archive/data.pkl": hostile, "archive/data/0": b"\x00" * 8}),
        "renamed.bin": _zip({"archive/weights": hostile}),
        "objects.npz": _zip({"labels.npy": _npy(np.array([{"a": 1}], dtype=object))}),
        "objects.npy": _npy(np.array([None], dtype=object)),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert runs_code(tmp_path / name), name
    assert not (tmp_path / "was-loaded").exists()


@pytest.mark.parametrize(
    "name", ["m.pkl", "m.pickle", "m.joblib", "m.pt", "m.pth", "m.pt2", "m.PKL", "m.pkl.gz"]
)
def test_names_of_pickles_count_whatever_is_in_them(tmp_path: Path, name: str) -> None:
    """If this fails, a format that this version cannot look into slips through under its usual name."""
    (tmp_path / name).write_bytes(b"anything")
    assert runs_code(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", json.dumps({"threshold": 0.5, "cost": [1, 2]}).encode()),
        ("settings.toml", b"cos = 1\n[c]\nname = 'iris'\n"),
        ("classes.txt", b"cat\ndog\n."),
        ("one.txt", b"."),
        ("numbers.csv", b"I1\nI2\n"),
        ("colours.csv", b"colour\nred\ngreen\n"),
        ("iris.csv", b"iris\nsetosa\nvirginica\n"),
        ("empty", b""),
        ("weights.safetensors", (2).to_bytes(8, "little") + b"{}" + b"\x80\x04\x95" * 9),
        ("weights.npy", _npy(np.arange(5.0))),
        ("weights.npz", _zip({"a.npy": _npy(np.arange(5))})),
        ("model.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.9.0"),
        ("table.csv.gz", gzip.compress(b"a,b\n1,2\n")),
        ("broken.gz", b"\x1f\x8b\x00\x00broken"),
    ],
)
def test_data_passes(tmp_path: Path, name: str, content: bytes) -> None:
    """If this fails, harmless models are refused."""
    (tmp_path / name).write_bytes(content)
    assert not runs_code(tmp_path / name)


def test_only_what_is_named_is_allowed(tmp_path: Path) -> None:
    """If this fails, allowing one pickle allows them all."""
    (tmp_path / "sub").mkdir()
    for name in ("forest.joblib", "sub/extra.pkl", "model.json"):
        (tmp_path / name).write_bytes(b"x")
    assert find_pickles(tmp_path, []) == (["forest.joblib", "sub/extra.pkl"], [])
    assert find_pickles(tmp_path, ["*.joblib"]) == (["sub/extra.pkl"], ["forest.joblib"])
