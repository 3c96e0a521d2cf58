# Everything runs through uv, which is installed into .uv/ where the machine has none.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen
PYTEST_ARGS ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-cluster images lint format bench

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(UV) ## Run the whole pipeline on this machine: make demo ARGS='--duration 60'
	@$(RUN) --no-dev --extra local fraudstream demo $(ARGS)

test: $(UV) ## Run all tests, against a real broker and registry
	$(RUN) pytest -n 3 --dist loadgroup $(PYTEST_ARGS)

test-unit: $(UV) ## Run the tests that need no broker
	$(RUN) pytest -n 2 tests/unit $(PYTEST_ARGS)

test-cluster: $(UV) ## Run the tests that need a Kubernetes: tests/cluster/README.md
	$(RUN) pytest -n 0 tests/cluster $(PYTEST_ARGS)

images: $(UV) ## Build the images with docker, and print their names
	@$(RUN) python -m tests.cluster.images

lint: $(UV) ## Check style, types and the import rule
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports

format: $(UV) ## Format, and mend what can be mended
	$(RUN) ruff check --fix
	$(RUN) ruff format

bench: $(UV) ## Measure, side by side: make bench ARGS='latency --rounds 3'
	@$(RUN) --no-dev --extra bench fraudstream bench $(or $(ARGS),throughput)

# Standard output is the command's own: make demo ARGS='--duration 60 --json' | jq
.uv/bin/uv:
	@echo "Installing uv into .uv/, once." >&2
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet uv

/%/uv: ;
