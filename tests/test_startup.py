"""How a process starts."""

from __future__ import annotations

import gc
import importlib

import pytest

from ml_stages.startup import importing


def test_garbage_is_looked_for_again_after_the_imports() -> None:
    """Memory of a long command would never come back, least of all after an import that failed."""
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError), importing():
        importlib.import_module("no_such_module")
    assert gc.isenabled()
    gc.unfreeze()
