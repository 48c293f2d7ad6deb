# make demo | test | test-slow | test-cluster | check | picture | bench: each makes what it needs; a second run takes seconds.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-cluster check picture bench lock install
.DEFAULT_GOAL := demo

# Each worker and each process that a test starts would else compile all it imports, and all asserts.
test test-slow test-cluster bench: export PYTHONDONTWRITEBYTECODE =
test test-slow test-cluster bench: export PYTHONPYCACHEPREFIX = $(CURDIR)/.venv/bytecode

.venv/installed: requirements.lock pyproject.toml hatch_build.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: .venv/installed
	$(BIN)/python hatch_build.py

demo: install
	$(BIN)/crm demo

test: install
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m "not slow and not cluster"

test-slow: install
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m "not cluster"

# several servers, one of them killed; what is missing (PgBouncer) is named and left out
test-cluster: install
	$(BIN)/pytest -rs -m cluster

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates

# the README's picture; needs Chromium
picture: install
	$(BIN)/python docs/board_picture.py

# bench/RESULTS.md: half an hour on a machine that does nothing else
bench: install
	$(BIN)/python -m bench

# the lock file, without addresses; needs uv
lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
