# Everything runs from .venv, which `make setup` builds from locks/dev.txt.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What Python compiled is kept: tests and jobs are many processes.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
ROWS ?= 200000
LONG ?= 200000
HISTORY ?= 50000
DATA ?= data/simulated
AIRFLOW_ENV := AIRFLOW_HOME=$(CURDIR)/.airflow AIRFLOW__CORE__DAGS_FOLDER=$(CURDIR)/dags PYTHONPATH=$(CURDIR)/dags \
	AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__PARALLELISM=2 AIRFLOW__API__HOST=localhost \
	PATH=$(CURDIR)/$(BIN):$$PATH
# A home of its own: a scheduler that runs in .airflow would take the demo's tasks for its own.
# Of Airflow's log only what a person follows: tasks, the jobs' lines, errors. Java's second compiler takes more time than
# it saves of so few rows.
DEMO_ENV := $(AIRFLOW_ENV) AIRFLOW_HOME=$(CURDIR)/.airflow/demo AIRFLOW__LOGGING__LOG_FORMAT='%(message)s' \
	AIRFLOW__LOGGING__NAMESPACE_LEVELS='airflow=WARNING task=ERROR py.warnings=ERROR' \
	PYSPARK_SUBMIT_ARGS='--conf spark.driver.defaultJavaOptions=-XX:TieredStopAtLevel=1 pyspark-shell'

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: machine .venv/.stamp ## Make .venv with everything, from the hashed lock

machine:
	@scripts/check-machine >/dev/null

.venv/.stamp: locks/uv.txt locks/dev.txt pyproject.toml
	@python=$$(scripts/check-machine python) && $$python -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r locks/uv.txt
	@echo "Installing the packages of locks/dev.txt into .venv"
	@# Compiled once: where Python may not write, each process would compile for seconds what it imports.
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r locks/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

lock: .venv/.stamp ## Resolve pyproject.toml into locks/ at the newest versions; KEEP=1 keeps those that stand there
	@scripts/lock $(BIN)/uv

data/transactions_data.csv: | .venv/.stamp
	@$(BIN)/fraudstack generate --rows $(ROWS) --seed 1 --hold-back 500 --out data

demo: machine .venv/.stamp data/transactions_data.csv ## Ingest data/ through Airflow, train, decide, report, score what was held back; ROWS=200000
	@$(DEMO_ENV) AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING airflow db migrate
	@$(DEMO_ENV) airflow dags test transactions_ingest
	@$(DEMO_ENV) airflow dags test model_refresh
	@$(DEMO_ENV) airflow dags test transactions_decide
	@$(BIN)/fraudstack report
	@scripts/score-held-back $(BIN)

api: .venv/.stamp ## Start the scorer on http://127.0.0.1:8081
	@TX_ENV=$${TX_ENV:-development} $(BIN)/gunicorn --config python:api.gunicorn api.main:app

dashboard: .venv/.stamp ## Start the dashboard on http://127.0.0.1:8501
	@$(BIN)/streamlit run dashboard/app.py --server.address 127.0.0.1

# The scheduler waits for ever when Ctrl-C meets a running task: what is left after 15 seconds is killed.
airflow: machine .venv/spark-classes.jsa ## Start Airflow on http://localhost:8080 with the DAG transactions_ingest
	@echo "Airflow comes up at http://localhost:8080 within a minute; Ctrl-C ends it."
	@echo "Sign in as admin with the password in .airflow/simple_auth_manager_passwords.json.generated"
	@$(AIRFLOW_ENV) AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING airflow db migrate
	@$(AIRFLOW_ENV) AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING airflow pools set --include-deferred fraudstack_store 1 "The turn on the store"
	@set -m; $(AIRFLOW_ENV) airflow standalone & set +m; \
	trap 'kill -INT -$$!; for _ in {1..30}; do kill -0 -$$! 2>&- || exit 0; sleep 0.5; done; kill -KILL -$$!' INT TERM; \
	wait

# Java's classes, loaded once for the many times that the tests and Airflow start Spark.
.venv/spark-classes.jsa: .venv/.stamp
	@echo "Preparing Spark's classes, once"
	@$(BIN)/python -m jobs.spark.class_archive

IN_TWO = --numprocesses 2 --dist loadfile --no-loadscope-reorder
QUICK = pytest -m "not long" $(IN_TWO)
COVERED = $(BIN)/python -W "ignore:Unable to activate pytest" -m slipcover --json --out .coverage.json -m
# Per cent of lines and branches that the quick tests go through.
FLOOR = 85
ENOUGH = $(BIN)/python -m slipcover --merge .coverage.json --out .coverage.json --fail-under $(FLOOR) \
	|| { echo "Fewer than $(FLOOR) % of lines and branches are covered"; exit 1; }

tools: .venv/.stamp ## Bring what the tests need beside .venv: a browser, helm and the like
	@scripts/tools test

test: tools .venv/spark-classes.jsa ## Run every test but the long ones; TESTS="tests/api -k batch" for some
ifdef TESTS
	@$(BIN)/python -m $(QUICK) $(TESTS)
else
	@$(COVERED) $(QUICK)
	@$(ENOUGH)
endif

test-long: tools .venv/spark-classes.jsa ## Run what can't be fast: the scheduler, killed workers and jobs, the generator's statistics
ifdef TESTS
	@$(BIN)/python -m pytest -m long $(TESTS)
else
	@$(BIN)/python -m pytest -m "long and not alone" $(IN_TWO)
	@$(BIN)/python -m pytest -m alone
endif

test-every: tools .venv/spark-classes.jsa ## Run what both run, in one go: what several tests share is made once
	@$(COVERED) pytest -m "not alone" $(IN_TWO)
	@$(ENOUGH)
	@$(BIN)/python -m pytest -m alone

lint: .venv/.stamp ## Check style and types, scripts, Dockerfiles, workflows and the chart
	@scripts/tools lint
	@scripts/lint
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy

bench-ingest: .venv/spark-classes.jsa ## Measure the ingest of ROWS=N beside its floor (N = 2000000, 13305915)
	@$(BIN)/python -m tests.bench.ingest --rows $(ROWS) --folder data/bench --processes

bench-day: .venv/spark-classes.jsa ## Measure what a day's file costs on stores of ROWS="200000 1330000"; BENCH_DAY="--server URL"
	@$(BIN)/python -m tests.bench.day --rows $(ROWS) --folder data/bench $(BENCH_DAY)

bench-api: .venv/spark-classes.jsa ## Measure the scorer beside its floor, on LONG rows of history (13305915)
	@$(BIN)/python -m tests.bench.api --long $(LONG) --folder data/bench $(BENCH_API)

bench-attacks: .venv/spark-classes.jsa ## Play the scripted attacks on a scorer whose store has HISTORY=50000 transactions
	@$(BIN)/python -m tests.bench.attacks --rows $(HISTORY) --folder data/bench $(BENCH_ATTACKS)

bench-dashboard: .venv/spark-classes.jsa ## Measure the dashboard in Chromium on 13.3 M rows and on 200 k
	@$(BIN)/python -m tests.bench.dashboard --folder data/bench $(BENCH_DASHBOARD)

bench-detection: .venv/spark-classes.jsa ## Judge the model fold by fold on the simulated set in DATA=FOLDER, year by year on generated data
	@$(BIN)/python -m tests.bench.detection --data $(DATA) $(BENCH_DETECTION)

leak-test: .venv/spark-classes.jsa ## See on the same set that no label is known before its time
	@$(BIN)/python -m tests.bench.detection --data $(DATA) --leak

screenshots: .venv/.stamp ## Draw every screen of the dashboard into docs/screens, on the stores of data/
	@$(BIN)/python -m tests.dashboard.screenshots

kind: ## Make a local Kubernetes cluster with the four images and the Spark operator
	@scripts/kind

e2e: .venv/.stamp kind ## Prove the release on that cluster: install, ingest, post, look, kill, skaffold
	@scripts/tools e2e
	@PATH=$(CURDIR)/.tools/bin:$$PATH $(BIN)/python -m pytest -vv -p no:randomly --durations=0 --durations-min=1 tests/e2e/install.py $(E2E)

e2e-life: .venv/.stamp kind ## Prove its life: lost drivers, restarts, upgrade, rollback, backup, restore, uninstall
	@$(BIN)/python -m pytest -vv -p no:randomly --durations=0 --durations-min=1 tests/e2e/operator.py tests/e2e/life.py tests/e2e/scaled.py $(E2E)

.PHONY: help setup machine lock demo airflow api dashboard tools test test-long test-every lint \
	bench-ingest bench-day bench-api bench-attacks bench-dashboard bench-detection leak-test \
	screenshots \
	kind e2e e2e-life
