# make search | test | quick | check | bench | docs | serve | ui | clean. The first command creates .venv; later ones reuse it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := search

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PACKAGES := data_prep models search cluster tunesmith

.PHONY: search test quick check bench ui clean docs serve lock

search: $(READY) ## run the composer's built-in search on real fiddle tunes, at most five minutes
	@$(BIN)/tunesmith search composer
	@echo "To type tunesmith instead of $(BIN)/tunesmith: source $(BIN)/activate"

test: $(READY) ## run all tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup

quick: $(READY) ## run the tests that take less than a second each and start no Ray, server or process
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow"

check: $(READY) ## check style, types, layers, docstrings, dependencies, dead code
	@echo "ruff";         $(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@echo "basedpyright"; $(BIN)/basedpyright --pythonpath $(BIN)/python
	@echo "import-linter"; $(BIN)/lint-imports
	@echo "pydoclint";    $(BIN)/pydoclint $(PACKAGES)
	@echo "deptry";       $(BIN)/deptry .
	@echo "vulture";      $(BIN)/vulture
	@echo "all checks passed"

bench: $(READY) ## run every benchmark, write the figures to benchmarks/results/ and print them as a table
	@failed=; for script in $(filter-out benchmarks/record.py benchmarks/summary.py,$(wildcard benchmarks/*.py)); do \
		echo "$$script"; $(BIN)/python "$$script" || failed+=" $$script"; done; \
		$(BIN)/python benchmarks/summary.py && test -z "$$failed" || { echo "limits missed, or failed:$$failed"; exit 1; }

ui: $(READY) ## serve MLflow's UI on ./runs
	@$(BIN)/tunesmith ui

docs: $(READY) ## write the pages of docs/ that are generated from the code, and build the site in site/
	@$(BIN)/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

serve: docs ## serve the site on this machine, and build it again after each change of a page
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict

clean: ## remove the environment and the caches of tools; ./runs stays
	rm -rf .venv dist site .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './runs/*' -prune -exec rm -rf {} +

# The stamp is newer than the lock file and the project's metadata only if the environment matches them.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("tunesmith needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": try make PYTHON=python3.11")'
	@echo "Setting up .venv from requirements.lock (once; some minutes, mostly downloads) ..."
	@test -e $@ || rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# CUDA packages are left out, so that torch's CPU build stays small; torch's CUDA build pins them itself. Triton, which it
# pins too, is kept in that version, so that tests compile with it.
lock: $(READY) ## update requirements.lock for every platform; make lock UPGRADE=--upgrade takes the newest versions
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	@cp requirements.lock .venv/lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal $(UPGRADE) --no-annotate --no-header -q -o .venv/lock >/dev/null
	@{ sed -n '/^#/p' requirements.lock; grep -vE '^(#|nvidia|cuda)' .venv/lock; } > .venv/new && mv .venv/new requirements.lock
