# Everything runs from .venv, which `make setup` builds from locks/dev.txt.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
ROWS ?= 200000
AIRFLOW_ENV := AIRFLOW_HOME=$(CURDIR)/.airflow AIRFLOW__CORE__DAGS_FOLDER=$(CURDIR)/dags \
	AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__PARALLELISM=4 PYTHONPATH=$(CURDIR)

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.stamp ## Make .venv with everything, from the hashed lock

.venv/.stamp: locks/uv.txt locks/dev.txt pyproject.toml scripts/check-machine
	@python=$$(scripts/check-machine) && $$python -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r locks/uv.txt
	@echo "Installing the packages of locks/dev.txt into .venv"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r locks/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

lock: setup ## Resolve pyproject.toml anew into locks/
	@scripts/lock $(BIN)/uv

.PHONY: help setup lock
