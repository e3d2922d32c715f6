# 免证通. `make` alone lists what there is to do; `make demo` and `make test` set everything up by themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export AIRFLOW_HOME := $(CURDIR)/var/airflow
export PYTHONPATH := $(CURDIR)

.PHONY: help setup demo up test bench lint messages nightly lock system clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/.ready  ## virtual environment with every pinned package, and the page scripts where npm is present

.venv/.ready: requirements.txt pyproject.toml $(wildcard package-lock.json)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@if [ -f package-lock.json ] && command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --silent \
	  || echo "npm ci failed: pages work without scripts, as plain forms"; fi
	@touch $@

demo: setup  ## the main job on generated departments, then the hub on 127.0.0.1:8080 (DEMO_ONCE=1 stops after the report)
	@$(BIN)/python -m dags.demo

up: setup  ## Airflow with its pages and the hub together; Ctrl-C stops both
	@$(BIN)/python -m dags.up

system:
	@bash tests/support/system.sh

test: setup system  ## everything but the nightly part
	@bash tests/support/suites.sh

bench: setup  ## measure against the alternatives; ONLY=name runs one; rows go to var/bench/latest.jsonl
	@$(BIN)/python -m tests.bench.run $(if $(ONLY),--only $(ONLY))

lint: setup  ## style, formatting, catalogue
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m catalogs check

messages: setup  ## gather the pages' texts for translators: locales/hub.pot
	@$(BIN)/pybabel -q extract -F babel.toml --no-location --sort-output --omit-header -k msgid -o locales/hub.pot license_hub/web quality/board

nightly: setup system  ## soaks and the large counts
	@mkdir -p var/nightly
	@$(BIN)/python -m pytest -m nightly --junitxml=var/nightly/report.xml  # the report keeps each run's figures

lock:  ## compile the pins with hashes
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --custom-compile-command 'make lock' requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --custom-compile-command 'make lock' -c requirements.txt docker/requirements-hub.in -o docker/requirements-hub.txt

clean:  ## remove what runs leave behind (var/), keep the environment
	rm -rf var
