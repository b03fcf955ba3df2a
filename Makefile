# What there is to type. Python 3.11 or later with its venv module is all that must be installed.
PYTHON ?= python3
BIN := .venv/bin
# What `make demo` plays; the README lists them.
SCENARIO ?= success
# One stamp for each whole environment: the locked list is what decides, so it is rebuilt when that file changes.
# VENV holds what developers need, RUN only what Deployer itself needs: 20 times less to install before the first look.
VENV := .venv/installed
RUN := .venv-run/installed

# Compiled once, not by every one of the hundred processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test e2e lint bench docs picture lock clean

# Each line behind ##: what it does | what it needs | what it costs.
help: ## this list | nothing | nothing
	@awk -F ' ## | [|] ' 'BEGIN { printf "%-14s  %-55s  %-28s  %s\n", "", "what it does", "needs", "costs" } \
		/^[a-z0-9]+:.* ## / { split($$1, name, ":"); printf "  make %-8s %-55s  %-28s  %s\n", name[1], $$2, $$3, $$4 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Python: 3.11 or later with venv. All but help, demo and clean first install 290 MB of tools into .venv, once.'

demo: $(RUN) ## watch a rehearsed deployment (SCENARIO=build-failure) | Python | seconds; 14 MB in .venv-run
	@DEPLOYER_REHEARSE=$(SCENARIO) .venv-run/bin/python entrypoint.py

test: lint ## lint, then all tests that need nothing but Python | Python | about three minutes
	@$(BIN)/python -m compileall -q deployer
	@$(BIN)/pytest -n 4 --dist worksteal

e2e: $(VENV) ## image, actions, package, snippets with their real peers | Docker, Node, Go, git, rsync | minutes; images and packages
	@$(BIN)/pytest tests/e2e -rs

lint: $(VENV) ## style, types, generated files; prints the sizes | Python | seconds
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "not formatted: $(BIN)/ruff format"; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m tools.docs --check
	@$(BIN)/python tools/sizes.py

bench: $(VENV) ## what a run costs: start, memory, time per poll | Python | three minutes
	@$(BIN)/python -m tools.bench

docs: $(VENV) ## write the generated parts of the actions and the pages | Python | seconds
	@$(BIN)/python -m tools.docs

picture: $(VENV) ## draw the picture at the top of the README | Python | seconds
	@$(BIN)/python -m tools.picture

# One resolution for every Python and machine that the image and the developers use; no address of an index is written.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"
lock: $(VENV) ## lock the newest version of every dependency by hash | Python, a package index | three minutes
	@$(LOCK) --output-file requirements.txt
	@$(LOCK) --output-file requirements-dev.txt --group dev --constraint requirements.txt

clean: ## remove what was built, the environments too | nothing | nothing
	@rm -rf .venv .venv-run .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# What both environments ask first.
CHECK = $(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo "$(PYTHON) must be Python 3.11 or later with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }

$(VENV): requirements-dev.txt
	@$(CHECK)
	@echo "installing what this needs into .venv" >&2
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@

$(RUN): requirements.txt tools/run_venv.py
	@$(CHECK)
	@echo "installing what Deployer needs into .venv-run" >&2
	@$(PYTHON) tools/run_venv.py .venv-run
	@touch $@
