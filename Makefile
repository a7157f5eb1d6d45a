# The two commands of the README are `make demo` and `make test`; `make help` lists the others.
PYTHON ?= python3
HOST ?= demo
BIN := .venv/bin
LAB := $(PYTHON) -m tests.lab
# What runs on servers, and the scripts that tests bring there.
SCRIPTS := $(wildcard borgstack/remote/*.sh borgstack/services/*/*.sh scripts/*.sh files/chatwoot/*.sh tests/deployment/*.sh tests/e2e/*.sh tests/e2e/made_up/*/*.sh)

# A .venv whose Python has gone, as after an upgrade of the system, is made anew; so is one that came
# here from another folder.
ifneq ($(wildcard .venv/.deploy),)
ifeq ($(findstring $(CURDIR)/.venv/,$(shell .venv/bin/pip --version 2>/dev/null)),)
$(shell rm -f .venv/.deploy .venv/.dev)
endif
endif

.PHONY: help setup dev demo test test-fast test-covered test-fuzz test-e2e test-real test-slow bench bench-report compose-check lint lab-up lab-down lab-ssh env-example settings-doc lock
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

setup: .venv/.deploy ## .venv with what a deploy needs: pyinfra and borgstack
.venv/.deploy: requirements/deploy.txt pyproject.toml scripts/make-venv.sh
	@sh scripts/make-venv.sh deploy $(PYTHON)

dev: .venv/.dev ## the same, and what tests and linters need
.venv/.dev: requirements/dev.txt requirements/deploy.txt pyproject.toml scripts/make-venv.sh
	@sh scripts/make-venv.sh dev $(PYTHON)

demo: setup lab-up ## from a fresh machine to a Chatwoot behind HTTPS on a lab host
	@$(BIN)/python -m tests.lab.demo

test: lint test-covered test-fuzz test-e2e ## everything that CI runs

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck $(SCRIPTS)

FAST := $(BIN)/pytest tests/unit tests/operations -n 2
test-fast: dev ## unit and operation tests: no Docker, a minute
	$(FAST)

test-covered: dev ## the same, and how much of the library they run, which takes half as long again
	$(FAST) --cov --cov-report=term:skip-covered --cov-fail-under=90

test-fuzz: dev ## 100 examples of each property; test-slow tries 10,000
	$(BIN)/pytest tests/fuzz

compose-check: dev ## the story's checks on the rendered compose file
	$(BIN)/pytest tests/unit/test_compose.py

# Two at a time: half of what they do is waiting for containers. A file stays with one worker.
test-e2e: dev ## end-to-end tests on lab hosts: real SSH, systemd, Docker
	$(BIN)/pytest tests/e2e -n 2 --dist loadfile --durations=25

# Word for word what the doubles are held to, beside what only real programs can show.
ON_REAL := $(wildcard $(foreach n,04 12 13 14 15 16 17 19 20 22,tests/e2e/test_$(n)_*.py))
test-real: dev ## the whole stack on real programs: LAB_REAL_IMAGES names a folder that makes them
	$(BIN)/pytest --real tests/real $(ON_REAL) -n 2 --dist loadfile --durations=25

test-slow: dev ## the long suites whole: every drift, kill point, leak and bare machine, 10,000 fuzz examples
	$(BIN)/pytest --whole --ignore=tests/real tests

bench: dev .bench-venv/.made ## the benchmark: 25 minutes, seven lab hosts; BENCH='--keep' leaves them
	@$(BIN)/python -m bench $(BENCH)

bench-report: setup ## write README's table and docs/bench.svg from bench/results.json
	@$(BIN)/python -m bench.report

.bench-venv/.made: bench/requirements.txt
	$(PYTHON) -m venv --clear .bench-venv
	.bench-venv/bin/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch .bench-venv/.made

lab-up: ## only the lab hosts (README: what is a double)
	@$(LAB) up --host $(HOST)

lab-down: ## remove the lab, keep its images
	@$(LAB) down

lab-ssh: ## make -s lab-ssh CMD='uptime' [HOST=demo]: a command as root on a lab host
	@$(LAB) ssh --host $(HOST) "$$CMD"

env-example: dev ## write .env.example from the list in borgstack/services
	$(BIN)/python -c 'from borgstack.entries import example; print(example(), end="")' > .env.example

settings-doc: dev ## write docs/settings.md from the fields in borgstack/settings.py
	$(BIN)/python -c 'from borgstack.settings_reference import reference; print(reference(), end="")' > docs/settings.md

# Resolution happens here and nowhere else: what installs from these files takes them as they are.
COMPILE := .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group build
lock: ## resolve anew: requirements/deploy.txt and dev.txt, which holds the same versions and more
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	$(COMPILE) $(LOCK) -o requirements/deploy.txt
	$(COMPILE) $(LOCK) --group dev -c requirements/deploy.txt -o requirements/dev.txt
