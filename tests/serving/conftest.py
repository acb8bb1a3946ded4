"""One bundle and one server for all tests that do not break them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.apples import Running, make_bundle, serving


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("apples"))


@pytest.fixture(scope="session")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("log") / "server.log"
    with serving(
        bundle, log, ML_SERVING_MAX_BODY="300000", ML_SERVING_MAX_ROWS="500", ML_SERVING_MAX_WAIT="5"
    ) as running:
        yield running
