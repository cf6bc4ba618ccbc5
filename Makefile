# Everything is one word: demo, test, check. See CONTRIBUTING.md.
PYTHON ?= python3
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed

.PHONY: demo test check style unit-pure unit-edges unit-platforms docs wheels system-packages clean format

$(STAMP): requirements/dev.txt pyproject.toml setup.py $(wildcard src/onetake/_kernel*.h src/onetake/*/_*.[ch])
	@$(PYTHON) -c '$(IS_NEW_ENOUGH)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

demo: $(STAMP)  ## record 10 s from the synthetic devices and prove the file
	$(BIN)/onetake demo demo.mp4 --overwrite

system-packages:
	sh scripts/system-packages.sh

test: $(STAMP) system-packages  ## everything, real devices included where they can be had
	$(BIN)/python -m pytest

check: $(STAMP)  ## format, lint, types and unit tests, side by side
	@$(MAKE) --no-print-directory --jobs=4 style unit-pure unit-edges unit-platforms

style: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# Three runs side by side, since those at the edges wait more than they work.
UNIT := $(BIN)/python -m pytest -q -m "not real and not slow" --hypothesis-profile=quick
EDGES := tests/control tests/ui tests/engine tests/file

unit-pure: $(STAMP)
	$(UNIT) --ignore=tests/platforms $(EDGES:%=--ignore=%)

unit-edges: $(STAMP)
	$(UNIT) $(EDGES)

unit-platforms: $(STAMP)
	$(UNIT) tests/platforms

$(DOCS_STAMP): requirements/docs.txt
	@$(PYTHON) -c '$(IS_NEW_ENOUGH)'
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	touch $(DOCS_STAMP)

docs: $(DOCS_STAMP)  ## the site in build/docs; a warning or a link that leads nowhere is an error
	$(DOCS_VENV)/bin/sphinx-build --quiet --fresh-env --nitpicky --fail-on-warning --keep-going -d build/docs.doctrees docs build/docs
	@echo "docs: build/docs/index.html"

wheels:  ## build the wheel, install it into clean environments of every supported Python, record
	sh scripts/try_wheels.sh

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) $(DOCS_VENV) build dist
