# `make run` and `make test` are all that a fresh clone needs. Python 3.11 or 3.12 and Java 17 or 21 must be there.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
export EPILAKE_HOME ?= $(CURDIR)/.epilake
SAMPLE := $(EPILAKE_HOME)/sample
INSTALLED := $(VENV)/.installed

.PHONY: help run test check format install up status docs browser clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: install ## Run every stage on the generated sample, or on DATA=PATH
ifeq ($(DATA),)
	@test -f "$(SAMPLE)/manifest.json" || $(BIN)/epilake sample "$(SAMPLE)"
	@$(BIN)/epilake run "$(SAMPLE)"
else
	@$(BIN)/epilake run $(DATA)
endif
	@$(BIN)/epilake status

test: install ## Run all tests; those on real posts need EPILAKE_REAL_DATA=FOLDER
	@$(BIN)/python -m pytest $(ARGS)

check: install ## Lint, types, SQL style, dbt parse, manifests by schema; warnings are errors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd dbt_project && ../$(BIN)/sqlfluff lint --disable-progress-bar models macros tests
	@cd dbt_project && ../$(BIN)/dbt --quiet --warn-error parse
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec infra/compose.yaml
	@$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard infra/kubernetes/*.yaml))

format: install ## Put the code in its form
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@cd dbt_project && ../$(BIN)/sqlfluff fix --disable-progress-bar --quiet models macros tests

up: install ## Start Prefect, its worker, MLflow and the deployments
	@$(BIN)/epilake up

status: install ## Show tables, batches, refused records, models and runs
	@$(BIN)/epilake status

docs: install ## Build dbt's documentation: one page, dbt_project/target/static_index.html
	@cd dbt_project && ../$(BIN)/dbt docs generate --static

browser: ## Install Debian's Chromium, in which a test opens that page; needs root
	apt-get update && apt-get install --yes --no-install-recommends chromium

install: $(INSTALLED) ## Install everything into .venv, once

$(INSTALLED): pyproject.toml constraints.txt infra/install.sh
	@infra/install.sh $(VENV)
	@touch $@

clean: ## Remove the environment and all state
	rm -rf $(VENV) .epilake dbt_project/target dbt_project/logs
