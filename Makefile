# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
# `make PYTHON=/path/to/python3.12 …` chooses the interpreter; any Python from 3.11 on will do.

PYTHON ?= python3
SHELL := /bin/bash
ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
VENV := $(ROOT).venv
RUN := cd "$(ROOT)" && "$(VENV)/bin/python" -m
# What was given to make itself: Debian sets LANGUAGE in everybody's environment.
given = $(if $(findstring command,$(origin $1)),$($1))

bench_options = $(if $(CARDS),--cards "$(CARDS)") $(if $(ROUNDS),--rounds "$(ROUNDS)") \
	$(if $(ONLY),--only "$(ONLY)") $(if $(call given,FOLDER),--folder "$(FOLDER)") \
	--json "$(or $(JSON),$(ROOT).state/bench.json)"

.PHONY: help demo test soak mutants run up cluster cluster-test down url shell migrate templates preview settle bounces check bench bench-check lint lint-python lint-sql lock
# It would make every process that a command starts read its modules anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' "$(ROOT)Makefile" | expand -t 18

demo: $(VENV)/.installed ## replay a real purchase history and run several days of the DAG on it
	@$(RUN) include.commands.demo

test: $(VENV)/.installed-dev lint ## linters, type checker, all tests but the cluster's
	@$(RUN) pytest -q --numprocesses logical --maxprocesses 4 --no-loadscope-reorder $(TESTS)

soak: $(VENV)/.installed-dev ## random histories, faults, traffic and mutants for MINUTES=10
	@$(RUN) tests.soak --minutes "$(or $(MINUTES),10)" $(if $(SEED),--seed "$(SEED)")

mutants: $(VENV)/.installed-dev ## apply small wrong versions of the SQL one by one; which survive?
	@$(RUN) tests.mutants $(MUTANTS)

bench: $(VENV)/.installed-dev ## what a day costs, in ratios: [CARDS=1000000] [ROUNDS=5] [ONLY=expiry,tills,…] [JSON=file] [FOLDER=…]
	@$(RUN) tests.bench $(bench_options)

bench-check: $(VENV)/.installed-dev ## the same, and fail where a target is missed
	@$(RUN) tests.bench $(bench_options) --check

lint: $(VENV)/.installed-dev ## ruff, sqlfluff and mypy alone
	@$(MAKE) --file="$(ROOT)Makefile" --no-print-directory --jobs=2 --output-sync lint-python lint-sql

lint-python: $(VENV)/.installed-dev
	@$(RUN) ruff check . && "$(VENV)/bin/ruff" format --check .
	@$(RUN) mypy

lint-sql: $(VENV)/.installed-dev
	@$(RUN) sqlfluff lint --processes 2 --disable-progress-bar sql

run: $(VENV)/.installed ## one run now: AS_OF=2026-11-20T02:00:00+00:00 [DAG=…] [DRY_RUN=1]
	@$(RUN) include.commands.run --as-of "$(AS_OF)" $(if $(DAG),--dag "$(DAG)") \
		$(if $(filter-out 0 no false,$(DRY_RUN)),--dry-run)

up: $(VENV)/.installed ## start Airflow with its UI, scheduled
	@$(RUN) include.commands.up

cluster: $(VENV)/.installed-cluster ## Airflow with three workers, Redis and S3, and a day that they share
	@$(RUN) include.commands.cluster

cluster-test: $(VENV)/.installed-dev $(VENV)/.installed-cluster ## kill two of its workers in the middle of a day (some minutes)
	@export CLUSTER_TEST=1 && $(RUN) pytest -q -s tests/cluster

down: $(VENV)/.installed ## stop what was started here
	@$(RUN) include.commands.down

url: $(VENV)/.installed ## where the UI is, and its login
	@$(RUN) include.commands.url

shell: $(VENV)/.installed ## a shell in which `airflow` and `psql` work on all this
	@$(RUN) include.commands.shell

migrate: $(VENV)/.installed ## bring the database of AIRFLOW_CONN_LOYALTY_DB up to date
	@$(RUN) include.commands.migrate

templates: $(VENV)/.installed ## the platform's mail templates into that database; or one: CODE=… LANGUAGE=… FOLDER=… [STORE=…]
	@$(RUN) include.commands.templates $(if $(call given,CODE),--code "$(CODE)") \
		$(if $(call given,LANGUAGE),--language "$(LANGUAGE)") \
		$(if $(call given,STORE),--store "$(STORE)") \
		$(if $(call given,FOLDER),"$(FOLDER)")

preview: $(VENV)/.installed ## the mails with made-up values: [CODE=…] [LANGUAGE=…] [STORE=…] [TO=inbox or a folder]
	@$(RUN) include.commands.preview $(if $(call given,CODE),--code "$(CODE)") \
		$(if $(call given,LANGUAGE),--language "$(LANGUAGE)") \
		$(if $(call given,STORE),--store "$(STORE)") \
		$(if $(call given,TO),--to "$(TO)")

settle: $(VENV)/.installed ## mails that may have arrived: list, SEND=ID,… again or CLOSE=ID,… (or all)
	@$(RUN) include.commands.settle --send "$(SEND)" --close "$(CLOSE)"

bounces: $(VENV)/.installed ## suppress the addresses that bounced, by the reports in FOLDER=…
	@$(RUN) include.commands.bounces "$(FOLDER)"

check: $(VENV)/.installed ## is all well? non-zero and a sentence if not
	@$(RUN) include.commands.check

# What is asked for as celery[redis] is pinned twice, with its extras and without: each release of
# pip looks for one of the two, and takes the newest release of what it does not find.
plainly = awk '/^[^ ]/ { printf "%s", plain; plain = ""; is_twin = /^[^ =]*\[/ } { print } \
	is_twin && !/^ *\#/ { line = $$0; sub(/\[[^]]*\]/, "", line); plain = plain line "\n" } \
	END { printf "%s", plain }' "$(ROOT)$1.txt" >"$(ROOT)$1.new" && mv "$(ROOT)$1.new" "$(ROOT)$1.txt"
compile = cd "$(ROOT)" && uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-header --no-strip-extras $1.in -o $1.txt && $(plainly)

lock: ## resolve requirements*.in anew (needs uv)
	$(call compile,requirements)
	$(call compile,requirements-dev)
	$(call compile,requirements-cluster)

$(VENV)/.installed: $(ROOT)requirements.txt $(ROOT)requirements-data.txt
	@echo "Setting up .venv from requirements.txt (a minute or two, once) …"
	@"$(VENV)/bin/python" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv "$(VENV)"
	@"$(VENV)/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
		-r "$(ROOT)requirements.txt"
	@"$(VENV)/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --no-deps \
		-r "$(ROOT)requirements-data.txt"
	@touch "$@"

$(VENV)/.installed-dev: $(ROOT)requirements-dev.txt $(VENV)/.installed
	@echo "Adding what the tests need …"
	@"$(VENV)/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
		-r "$(ROOT)requirements-dev.txt"
	@touch "$@"

$(VENV)/.installed-cluster: $(ROOT)requirements-cluster.txt $(VENV)/.installed
	@echo "Adding what the workers need …"
	@"$(VENV)/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
		-r "$(ROOT)requirements-cluster.txt"
	@touch "$@"
