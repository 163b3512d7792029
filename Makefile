# Each target sets up what it needs. The README and CI use these same targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check --quiet
SLITHER := .venv-slither
FUZZER := .venv-fuzz

# The demo's two questions: which ledger, and how many devices beside the story.
LEDGER  ?= embedded
DEVICES ?= 0

# Benchmarks print a table, or with JSON=1 one JSON document.
JSON ?=

.PHONY: install demo test docs reference lint lock clean
.PHONY: contract contract-test contract-gas slither
.PHONY: torture torture-registrar torture-reorgs fuzz fuzz-parsers fuzz-http
.PHONY: bench bench-reading bench-gas bench-replay bench-resolution
.PHONY: bench-verifying bench-onboarding bench-scale

# The command, as .venv/bin/keyborn.
install: $(VENV)/installed

demo: $(VENV)/installed $(if $(filter ethereum,$(LEDGER)),node_modules/installed)
	@$(BIN)/keyborn demo --ledger $(LEDGER) --devices $(DEVICES)

# Tests that need npm packages are skipped, with that reason, where npm is missing;
# KEYBORN_REQUIRE_ALL=1 turns every such skip into a failure.
# Files are taken in their order, so that the long ones do not come last.
test: $(VENV)/installed $(if $(shell command -v npm),node_modules/installed)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@$(BIN)/python tests/coverage_floors.py

# The services killed while devices come on board, their database killed, the disk full, the clock
# moved, more devices than can be served, the power lost: each in turn, or PART alone, TIMES times;
# a quarter of an hour in all. PostgreSQL must be installed for its part. A seed is printed, and
# taken.
PART  ?=
TIMES ?=

torture: $(VENV)/installed
	@PYTHONPATH=tests:. $(BIN)/python -m torture $(addprefix --part ,$(PART)) \
	  $(if $(TIMES),--times $(TIMES)) $(if $(SEED),--seed $(SEED))

# Reorganisations of depth 1 to 12 under a running registrar and reader, 500 operations in flight
# each time; a seed is printed, and taken.
SEED ?=

torture-reorgs: $(VENV)/installed node_modules/installed
	@PYTHONPATH=tests:. $(BIN)/python -m torture.reorgs $(SEED)

# A registrar killed 100 times while 2,000 operations are handed in, and its node stopped; ten
# minutes or so. SEED=N repeats one; its kills fall as they did, to the machine's own timing.
torture-registrar: $(VENV)/installed node_modules/installed
	@PYTHONPATH=tests:. $(BIN)/python -m torture.registrar $(if $(SEED),--seed $(SEED))

TARGET ?=

# All that is fuzzed; SEED=N repeats a run. With TARGET, these parsers alone.
fuzz: $(if $(TARGET),,fuzz-http) fuzz-parsers

# Requests to every service, made from what it says of itself: CASES of them, or a few of each
# operation where that is more; a few minutes.
CASES ?= 6000

fuzz-http: $(VENV)/installed
	@PYTHONPATH=tests $(BIN)/python -m fuzz.over_http --cases $(CASES) $(if $(SEED),--seed $(SEED))

# Coverage-guided fuzzing of every parser of outside bytes, SECONDS each, or of TARGET alone, one or
# several. The fuzzer has a folder of its own; what is fuzzed is what `make test` tests.
SECONDS ?= 600

fuzz-parsers: $(VENV)/installed $(FUZZER)/installed
	@PYTHONPATH=tests:$(FUZZER) $(BIN)/python -m fuzz.run --seconds $(SECONDS) \
	  $(if $(TARGET),--target $(TARGET)) $(if $(SEED),--seed $(SEED))

# The documentation is Markdown; this runs it: its commands, examples, links and tables.
docs: $(VENV)/installed
	$(BIN)/python -m pytest tests/docs

# The reference of the commands, written from the commands.
reference: $(VENV)/installed
	@$(BIN)/python tests/command_reference.py

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The contract's packaged bytecode, rebuilt from its source.
contract: node_modules/installed
	node ledger/contracts/build.mjs

# The contract's tests in Solidity, its coverage and its gas; RUNS is how often each fuzz test runs.
RUNS ?= 256

contract-test: $(VENV)/installed node_modules/installed
	FOUNDRY_FUZZ_RUNS=$(RUNS) $(BIN)/python -m pytest tests/contracts tests/ledger/ethereum/test_contract.py

# The gas of appends, measured and written down anew.
contract-gas: $(VENV)/installed node_modules/installed
	@$(BIN)/python tests/forge.py

# Static analysis of the contract, in an environment of its own.
slither: $(SLITHER)/installed node_modules/installed
	PATH="$(CURDIR)/node_modules/.bin:$$PATH" $(SLITHER)/bin/slither .

# All that is measured, in one run, as one table: docs/benchmarks.md, its JSON and its plots. About
# 40 minutes; SUSTAINED is the seconds of each long run, DEVICES how many are stored and replayed, ONLY
# the benches that are to be measured, where the others stay as they were.
SUSTAINED ?= 300
ONLY      ?=

bench: $(VENV)/installed node_modules/installed
	@PYTHONPATH=tests $(BIN)/python -m bench.everything --seconds $(SUSTAINED) \
	  $(addprefix --only ,$(ONLY)) $(if $(filter-out 0,$(DEVICES)),--devices $(DEVICES))

# Credentials verified and issued, beside PyNaCl, and peers where they are installed.
bench-verifying: $(VENV)/installed node_modules/installed
	@$(BIN)/python -m bench.verifying $(if $(JSON),--json)

# Enrolments, registrations and presentations over HTTP, also on a slow disk and on PostgreSQL.
bench-onboarding: $(VENV)/installed
	@PYTHONPATH=tests $(BIN)/python -m bench.onboarding --seconds $(SUSTAINED) $(if $(JSON),--json)

# Enrolments where up to a million devices are stored.
bench-scale: $(VENV)/installed
	@$(BIN)/python -m bench.scale $(if $(filter-out 0,$(DEVICES)),--most $(DEVICES)) $(if $(JSON),--json)

# What reading a credential costs, beside the check of its signature.
bench-reading: $(VENV)/installed
	@$(BIN)/python -m bench.reading $(if $(JSON),--json)

# What a device costs on Ethereum, beside ERC-1056; fails where a floor is missed.
bench-gas: $(VENV)/installed node_modules/installed
	@$(BIN)/python -m bench.gas $(if $(JSON),--json)

# A log of many devices, replayed by who trusts one block hash: time, memory, bytes. About ten
# minutes at a million, and 700 MB under the temporary folder.
bench-replay: $(VENV)/installed node_modules/installed
	@$(BIN)/python -m bench.replay --devices $(or $(filter-out 0,$(DEVICES)),1000000) $(if $(JSON),--json)

# Resolutions per second, beside ethr-did-resolver.
bench-resolution: $(VENV)/installed node_modules/installed
	@$(BIN)/python -m bench.resolution $(if $(JSON),--json)

# The lock is complete and holds hashes and no index address; needs uv on the PATH. What is locked
# stays unless UPGRADE=--upgrade.
UPGRADE ?=

lock:
	uv pip compile pyproject.toml --extra dev --extra rdf --extra redis --generate-hashes --universal --python-version 3.11 \
	  --no-strip-extras --no-emit-index-url --no-header $(UPGRADE) --output-file requirements.lock
	uv pip compile pyproject.toml --extra redis --constraint requirements.lock --generate-hashes --universal --python-version 3.11 \
	  --no-strip-extras --no-emit-index-url --no-header --no-annotate --output-file deploy/requirements.lock
	uv pip compile tests/contracts/slither.in --generate-hashes --universal --python-version 3.11 \
	  --no-strip-extras --no-emit-index-url --no-header $(UPGRADE) \
	  --output-file tests/contracts/slither.lock
	uv pip compile tests/fuzz/fuzz.in --generate-hashes --universal --python-version 3.11 \
	  --no-strip-extras --no-emit-index-url --no-header $(UPGRADE) --output-file tests/fuzz/fuzz.lock

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(PIP) check
	@touch $@

$(SLITHER)/installed: tests/contracts/slither.lock
	$(PYTHON) -m venv $(SLITHER)
	$(SLITHER)/bin/pip --disable-pip-version-check --quiet install --no-compile --no-deps \
	  --require-hashes -r tests/contracts/slither.lock
	@touch $@

$(FUZZER)/installed: tests/fuzz/fuzz.lock | $(VENV)/installed
	$(PIP) install --no-compile --no-deps --require-hashes --upgrade --target $(FUZZER) -r $<
	@touch $@

node_modules/installed: package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

clean:
	rm -rf $(VENV) $(SLITHER) $(FUZZER) .fuzz build node_modules .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
