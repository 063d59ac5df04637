# What a person types; `make` alone lists it from the comments behind the targets. Paths are relative so that a folder
# whose name holds spaces works, and no variable is called COLUMNS, which terminals export.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo ui stop test test-slow test-all soak coverage lint docs picture bench lock dist compose-env aws-check clean
MAKEFLAGS += --no-print-directory

DATA =
FEATURES =
COMPONENTS =
DELIMITER =
DECIMAL =
SCALING =
ONLY =
PORT = 8080
SETTINGS =
HOURLY_PRICES =
YES =
MINUTES = 10
SEED =

# The first Python 3.11 that starts: a version manager's python3.11 may be a stub of a version that is not installed.
PYTHON = $(shell for python in python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
NO_PYTHON = Python 3.11 is missing: install it, or name it: make setup PYTHON=/path/to/python3.11
INSTALL = python='$(PYTHON)'; [ -n "$$python" ] || { echo '$(NO_PYTHON)' >&2; exit 1; }; exec "$$python" quickstart/install.py
VENV_PYTHON = exec .venv/bin/python
PYTEST = $(VENV_PYTHON) -m pytest
# What demo and ui run on: data of one's own, the common settings by name, all others in SETTINGS.
OWN_DATA = --data "$$DATA" --features "$$FEATURES" --components "$$COMPONENTS" --delimiter "$$DELIMITER" \
	--decimal "$$DECIMAL" --scaling "$$SCALING" --settings "$$SETTINGS"

# One more than there are processors: end-to-end tests wait for programs to start, and for each other's answers.
TEST_WORKERS = $(shell expr 1 + $$(nproc 2>/dev/null || echo 2))

export DATA FEATURES COMPONENTS DELIMITER DECIMAL SCALING PORT SETTINGS HOURLY_PRICES MINUTES SEED

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## create .venv and install the pinned requirements (at once when nothing changed)
	@$(INSTALL)

setup-dev: ## also install what tests and linters need
	@$(INSTALL) --dev

demo: setup ## run the pipeline on this machine and print its report [DATA=my.csv FEATURES=a,b,c COMPONENTS=2 SETTINGS=]
	@$(VENV_PYTHON) -m quickstart demo $(OWN_DATA)

ui: setup ## Airflow's web interface with the pipeline and sample data in place, until Ctrl-C [PORT=8080 DATA=my.csv]
	@$(VENV_PYTHON) -m quickstart ui --port "$$PORT" $(OWN_DATA)

stop: ## end a running make ui
	@[ ! -x .venv/bin/python ] || $(VENV_PYTHON) -m quickstart stop

test: setup-dev ## unit and end-to-end tests
	@$(PYTEST) -n $(TEST_WORKERS) --maxprocesses 4 --dist worksteal -m 'not slow'

test-slow: setup-dev ## tests that need PostgreSQL, Redis or a browser, or run long; they skip with their reason where it is absent
	@$(PYTEST) -n 3 --dist loadfile -m slow --durations=15

test-all: test test-slow ## all tests

soak: setup-dev ## disturbed runs at random until something does not hold, or the time is over; needs PostgreSQL [MINUTES=10 SEED=]
	@$(VENV_PYTHON) -m tests.soak --minutes "$$MINUTES" $(if $(SEED),--seed "$$SEED")

coverage: setup-dev ## what of the code the unit tests run, line by line; fails below the floor in pyproject.toml
	@$(PYTEST) tests/unit -n $(TEST_WORKERS) --maxprocesses 4 --dist worksteal --cov

lint: setup-dev ## ruff, mypy --strict, and the import rules of the architecture
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m mypy
	@.venv/bin/python -c 'from importlinter.cli import lint_imports_command as main; main()'

docs: setup-dev ## build the documentation as a site in site/; fails at a dead link
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build
	@echo 'Open site/index.html.'

picture: setup-dev demo ## take the pictures of docs/ anew, with Chromium: the README's report, and the pages in Airflow
	@.venv/bin/python -m docs.report_picture
	@PAGE_PICTURES='$(CURDIR)/docs/pages' $(PYTEST) tests/slow/pages -k pictures

bench: setup-dev ## measure speed and memory for docs/benchmarks.md: some 15 minutes, and up to 3 before each group until the machine is idle [ONLY="processing endpoint"]
	@.venv/bin/python -m benchmarks $(ONLY); status=$$?; .venv/bin/python -m docs.generated_tables && exit $$status

lock: setup-dev ## compile requirements*.in into the pinned requirements*.txt
	@for name in requirements requirements-dev; do .venv/bin/python -m uv pip compile --quiet --no-emit-index-url \
		--no-emit-find-links --python-version 3.11 $$name.in -o $$name.txt || exit 1; done

dist: setup-dev ## build wheel and source archive into dist/ and check both, with a run from the wheel alone
	@$(VENV_PYTHON) -m tests.distribution

compose-env: ## write .env with generated secrets for docker compose
	@$(INSTALL)
	@$(VENV_PYTHON) -m quickstart compose-env

aws-check: setup ## run a small sample on your AWS account: cost first, then asks, then removes everything [SETTINGS= YES=1]
	@$(VENV_PYTHON) -m quickstart aws-check --settings "$$SETTINGS" --hourly-prices "$$HOURLY_PRICES" $(if $(YES),--yes)

clean: stop ## remove everything the other targets made, .venv included
	@rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage site dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
