# Everything a developer or CI runs; `make` alone says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
RUNS ?= 50

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header
FRESH := tests/test_docs.py tests/playbooks/test_schema.py tests/test_architecture.py

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Backstop needs Python 3.11 or newer; say which with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Editable, so that the code in this folder is what runs; built by the locked setuptools, not a fetched one.
$(VENV)/.run: requirements.lock build.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r build.lock
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: tests/requirements.lock tests/tools.lock $(VENV)/.run
	$(PIP) install --require-hashes -r tests/requirements.lock
	$(PIP) install --require-hashes --no-deps -r tests/tools.lock
	@touch $@

.PHONY: sandbox
sandbox: $(VENV)/.run ## Try everything in a browser on this machine, without accounts, until Ctrl-C
	$(BIN)/python -m bot sandbox

.PHONY: demo
demo: $(VENV)/.run ## Run the whole story: a bad release, an incident, a restore, a post-mortem
	$(BIN)/python -m bot demo

.PHONY: test
test: $(VENV)/.test ## Run the tests; the core and the playbooks must be covered to the last branch
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --cov --cov-report=
	$(BIN)/python -m coverage report --skip-covered --skip-empty --show-missing \
		--include='bot/core/*,playbooks/*' --fail-under=100

.PHONY: check
check: $(VENV)/.test ## Format, lint, types, imports, dependencies, fresh schema and docs
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m pytest -q -p no:randomly $(FRESH)

.PHONY: docs
docs: $(VENV)/.test ## Draw the reference and the editors' schema from the code again
	$(BIN)/python -m tests.reference

.PHONY: chaos
chaos: $(VENV)/.test ## Kill everything at random, RUNS times for each kind of restore, and count what was done twice or lost
	$(BIN)/python -m tests.chaos --runs $(RUNS)

.PHONY: bench
bench: $(VENV)/.test ## Measure answers, steps, memory and start-up against bare ones
	$(BIN)/python -m tests.bench

.PHONY: newcomer
newcomer: $(VENV)/.test ## Clone, install everything anew, and follow README to a post-mortem in Chromium
	FRESH=1 $(BIN)/python -m pytest -q tests/browser/test_from_clone.py

.PHONY: format
format: $(VENV)/.test ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: ## Choose dependencies anew, with hashes (needs uv)
	$(LOCK) --upgrade --all-extras pyproject.toml --group dev -o tests/requirements.lock
	$(LOCK) --upgrade --all-extras pyproject.toml -c tests/requirements.lock -o requirements.lock
	$(LOCK) --upgrade --no-deps --group tools -o tests/tools.lock
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| $(LOCK) --no-annotate --upgrade - -o build.lock

.PHONY: clean
clean: ## Remove what was installed and made here; .backstop with its incidents stays
	rm -rf $(VENV) build demo-out .bench *.egg-info .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
