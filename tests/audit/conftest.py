"""An advisory service for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.advisory_service import AdvisoryService, advisory_service


@pytest.fixture
def service() -> Iterator[AdvisoryService]:
    with advisory_service() as running:
        yield running
