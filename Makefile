# Everything runs as `.venv/bin/python -m ...` on relative paths: folders may be deep and have spaces.
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/.ready
PORT ?= 8000
DATA ?= demo
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml apps/*/pyproject.toml)
export PYTHONUTF8 := 1
# Compiled once, not at each start: a start of all services takes three seconds of a processor without this.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run distributed kafka journeys-distributed test test-unit check lint format types arch docs asyncapi lock audit bench bench-kafka deploy-check deploy-secrets deploy-rehearsal fuzz screenshots soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

$(READY): requirements.lock pyproject.toml tools/setup.py $(MEMBERS)
	@echo "setting up .venv (once)"
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Kehu needs Python 3.11 or later, this is %d.%d; name another: make PYTHON=python3.12" % v[:2])'
	@$(PYTHON) tools/setup.py
	@touch $(READY)

setup: $(READY) ## .venv with everything in it; every other target does it by itself

run: $(READY) ## the whole system on this machine: make run [PORT=8000] [DATA=demo] [BUS=kafka]
	@$(PY) -m all_in_one up --port "$(PORT)" --data "$(DATA)" $(if $(BUS),--bus "$(BUS)",)

distributed: $(READY) ## a process for the routes and one for the work of each service, on a real Kafka: [PORT=8000] [DATA=demo] [BUS=table]
	@$(PY) -m all_in_one distributed --port "$(PORT)" --data "$(DATA)" $(if $(BUS),--bus "$(BUS)",)

kafka: $(READY) ## a real Apache Kafka on this machine (Java 17, Maven): make kafka [BROKERS=3] [PORT=9092]
	@$(PY) -m all_in_one kafka --brokers "$(or $(BROKERS),1)" $(if $(filter-out file,$(origin PORT)),--port "$(PORT)",)

test: $(READY) ## the whole suite
	@$(PY) -m pytest -n auto --dist loadfile $(ARGS)

test-unit: $(READY) ## the tests not marked slow
	@$(PY) -m pytest -m "not slow" -n auto --dist loadfile $(ARGS)

journeys-distributed: $(READY) ## the journeys against make distributed: [BUS=table] [ARGS=tests/journeys/test_command.py]
	@KEHU_JOURNEYS=distributed $(if $(BUS),KEHU_BUS__KIND="$(BUS)",) $(PY) -m pytest $(or $(filter tests/%,$(ARGS)),tests/journeys) -n 1 --dist loadfile --timeout 900 -o session_timeout=7200 $(filter-out tests/%,$(ARGS))

check: lint types arch docs test-unit ## the fast gate: lint, types, architecture, generated docs, unit tests

lint: $(READY) ## ruff: rules and format
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check .

format: $(READY) ## let ruff repair what it can
	@$(PY) -m ruff check --quiet --fix .
	@$(PY) -m ruff format --quiet .

types: $(READY) ## mypy, strict
	@$(PY) -m mypy --no-error-summary libs services apps conftest.py $(wildcard tests tools bench)

arch: $(READY) ## import contracts
	@$(PY) -c "from importlinter.cli import lint_imports_command as lint; lint()" --no-logo

docs: $(READY) ## generated docs are current (make docs WRITE=1 writes them)
	@if [ -f tools/docs.py ]; then $(PY) -m tools.docs $(if $(WRITE),,--check); fi

asyncapi: $(READY) ## the AsyncAPI document, parsed by the official parser (needs Node)
	@$(PY) -m tools.parse_asyncapi

lock: $(READY) ## requirements.lock anew, what it holds stays (UPGRADE=1 for the newest versions)
	@$(PY) -m tools.lock $(if $(UPGRADE),--upgrade,)

audit: $(READY) ## security: bandit, secrets in the tree, known holes in what we install
	@$(PY) -m tools.audit

bench: $(READY) ## measurements beside peers
	@if [ -f bench/__main__.py ]; then $(PY) -m bench $(ARGS); else echo "no benchmarks yet"; fi

bench-kafka: $(READY) ## from an ERP's message to the view, on a real Kafka, beside the same chain by hand
	@$(PY) -m bench kafka $(ARGS)

deploy-check: $(READY) ## what is deployed, by the programs that read it: Compose, kustomize, schemas, hadolint (needs Go)
	@$(PY) -m tools.deployment

deploy-secrets: $(READY) ## secrets of a deployment, at random, into .secrets: make deploy-secrets [HOST=postgres:5432] [QUERY=sslmode=require]
	@$(PY) -m tools.deployment_secrets $(if $(HOST),--host "$(HOST)",) $(if $(QUERY),--query "$(QUERY)",)

deploy-rehearsal: $(READY) ## the image's steps and its processes on a real PostgreSQL, without a container engine
	@$(PY) -m tools.rehearsal

screenshots: $(READY) ## the pictures in README, from a new demo company (needs Chromium)
	@$(PY) -m tools.screenshots $(ARGS)

fuzz: $(READY) ## requests nobody thought of, for long: make fuzz [CASES=200]
	@FUZZ_CASES="$(or $(CASES),200)" $(PY) -m pytest tests/security/test_fuzz.py -o session_timeout=0

soak: $(READY) ## real processes, brokers and databases killed under load, for long: make soak [MINUTES=10] [SEED=1]
	@$(PY) -m tests.faults.soak --minutes "$(or $(MINUTES),10)" $(if $(SEED),--seed "$(SEED)",)

clean: ## away with .venv and caches (data in .kehu stays)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find libs services apps tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
