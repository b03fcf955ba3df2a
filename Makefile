# What there is to type. Python 3.11 or later with its venv module is all that must be installed.
PYTHON ?= python3
BIN := .venv/bin
# What `make demo` plays; the README lists them.
SCENARIO ?= success
# One stamp for the whole environment: the locked list is what decides, so it is rebuilt when that file changes.
VENV := .venv/installed

# Compiled once, not by every one of the hundred processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test e2e lint bench docs picture lock clean

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV) ## watch a deployment, from the trigger to the verdict, against the embedded simulator
	@DEPLOYER_REHEARSE=$(SCENARIO) $(BIN)/python entrypoint.py

test: lint ## everything that needs nothing but Python
	@$(BIN)/python -m compileall -q deployer
	@$(BIN)/pytest -n 4 --dist worksteal

e2e: $(VENV) ## the image, the actions, the package and the snippets, with their real peers
	@$(BIN)/pytest tests/e2e -rs

lint: $(VENV) ## style, types, generated files; prints the sizes
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "not formatted: $(BIN)/ruff format"; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m deployer.docs --check
	@$(BIN)/python tools/sizes.py

bench: $(VENV) ## what a run costs: start, memory, time per look
	@$(BIN)/python -m tools.bench

docs: $(VENV) ## write the generated parts of the actions and the pages
	@$(BIN)/python -m deployer.docs

picture: $(VENV) ## draw the picture at the top of the README, from a rehearsal
	@$(BIN)/python -m tools.picture

# One resolution for every Python and machine that the image and the developers use; no address of an index is written.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"
lock: $(VENV) ## the newest version of every dependency, locked by hash
	@$(LOCK) --output-file requirements.txt
	@$(LOCK) --output-file requirements-dev.txt --group dev --constraint requirements.txt

clean: ## remove what was built
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(VENV): requirements-dev.txt
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "$(PYTHON) must be Python 3.11 or later with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "installing what this needs into .venv" >&2
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@
