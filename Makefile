# `make reproduce` runs the default study. `make test` runs the tests, without those that need both engines or a browser,
# and `make test-all` runs every test. Each sets up .venv first.
PYTHON ?= python3
BIN := .venv/bin
# The lock as constraints: the same file pins torch's CPU build where only that is at hand, and CUDA where it is not.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode $${PIP_FIND_LINKS:+--find-links $$PIP_FIND_LINKS}

.PHONY: reproduce test test-all setup lock
reproduce: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $$(nproc)

# Each worker takes half of the tests in their order, so that few fixtures are made twice, and the faster one helps out.
test: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist worksteal -m "not engines and not browser"

test-all: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist worksteal

setup: .venv/.installed

.venv/.installed: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock uv
	VIRTUAL_ENV=$(CURDIR)/.venv $(INSTALL) -c requirements.lock -e '.[dev]'
	touch $@

# Newest versions that fit pyproject.toml; torch stays where it was tested.
lock:
	echo 'torch==2.13.0' | $(BIN)/uv pip compile pyproject.toml --extra dev --extra onnx --extra s3 --universal \
	  --python-version 3.11 --constraints - --no-annotate --quiet --custom-compile-command 'make lock' --output-file requirements.lock
