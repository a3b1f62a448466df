SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# Nothing is compiled at install: Python does it for what is imported, at its first import.
PIP := $(BIN)/python -m pip install --quiet --no-compile --no-deps
LOCKED := $(PIP) --require-hashes

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

install:  ## environment in .venv, front-end libraries in node_modules
	@$(MAKE) --silent --jobs=2 .venv/.project node_modules/.installed

install-dev: install  ## the same, and what tests and checks need
	@$(MAKE) --silent .venv/.dev

demo: install  ## the demonstration province, in the browser
	$(BIN)/lantai up --demo

test: install-dev  ## unit, integration, isolation, browser, on the embedded engines
	$(BIN)/pytest -n logical

stack:  ## PostgreSQL, PgBouncer and Redis of the distribution, for stack-test
	.ci/servers

stack-test: install-dev stack  ## the tests that need those servers
	$(BIN)/pytest -m stack

bench: install  ## promises about speed, measured
	$(BIN)/lantai bench all

lint: install-dev  ## ruff, types, floors, migrations against models, locks against what they were made of
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/basedpyright
	$(BIN)/python -m migrations.check
	$(BIN)/python .ci/locks.py check

lock: install-dev  ## the newest versions that the .in files and package.json allow
	$(BIN)/python .ci/locks.py write

screenshots: install-dev  ## the pictures of the README, taken anew
	$(BIN)/pytest -m browser --screenshots docs/screenshots

clean:  ## everything made by install and by checks; data stays
	rm -rf .venv node_modules .hypothesis .import_linter_cache .pytest_cache .ruff_cache test-results *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help install install-dev demo test stack stack-test bench lint lock screenshots clean
