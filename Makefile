# Two commands on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip

.PHONY: run test lint locks docs clean

run: .venv/stages  ## run the sample project from source to verdict
	$(BIN)/ml-pipeline run sample_project

test: .venv/dev  ## run every test
	$(BIN)/python -m pytest

lint: .venv/dev  ## ruff and mypy over everything of ours
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'
	touch $@

.venv/stages: .venv/uv pyproject.toml src/ml_stages/requirements.lock
	$(UV) install --quiet --python $(BIN)/python --require-hashes -r src/ml_stages/requirements.lock
	$(UV) install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

.venv/dev: .venv/stages requirements-dev.lock
	$(UV) install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	touch $@

LOCK := $(UV) compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

locks: .venv/uv  ## pin again what pyproject.toml asks for
	$(UV) compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate pyproject.toml -o requirements.lock
	$(LOCK) --extra stages pyproject.toml -o src/ml_stages/requirements.lock
	$(LOCK) src/ml_stages/serving/requirements.in -o src/ml_stages/serving/requirements.lock
	$(LOCK) src/ml_stages/serving/onnx.in -o src/ml_stages/serving/onnx.lock
	$(LOCK) --extra stages --extra dagger --extra dev pyproject.toml -o requirements-dev.lock

docs: .venv/stages  ## write what is generated from the models
	$(BIN)/python -m ml_stages.report.schema > docs/verdict.schema.json
	$(BIN)/python -m ml_stages.report.gate_pages docs

clean:
	rm -rf .venv sample_project/.ml-pipeline sample_project/registry
