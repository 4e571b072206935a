# Everything starts with one of these on a fresh Debian 12: make demo, make test, make lint, make bench,
# make bench-signalling, make bench-media, make bench-streams.
# Needs git, make and root or sudo (for apt, only where a package is missing).
SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
# Debian's own interpreter, which python3-venv belongs to; another one: make PYTHON=python3.12 setup
PYTHON := $(or $(wildcard /usr/bin/python3),python3)
SUDO  := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT_BASE  := python3-venv
APT_PEERS := netbase openssl sip-tester baresip-core kamailio tshark erlang-megaco
APT_BENCH := rtpengine-daemon socat stunnel4 gcc libc6-dev libssl-dev
APT_COMPILER := gcc libc6-dev python3-dev
# The native engine and the SIP tokenizer are built, linted and tested where there is a cargo that can; everything
# else does without.
NATIVE := $(wildcard native/*/src/*.rs native/*/src/*/*.rs native/*/Cargo.toml native/Cargo.*)
BUILT  := agw/engine/_native*.so pcscf/sip/_tokenizer*.so
RUST   := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' native/Cargo.toml)
FOUND  := $(word 2,$(shell cargo --version 2>/dev/null))
CARGO  := $(if $(FOUND),$(shell printf '%s\n' $(RUST) $(FOUND) | sort -VC && echo cargo))
NO_CARGO := $(if $(FOUND),cargo $(FOUND) is older than $(RUST),there is no cargo)
# What `pip install .` gives where there is a C compiler: the path of a message compiled (setup.py).
COMPILED := $(CURDIR)/build/compiled
SOURCES  := setup.py setup_sources.py $(wildcard pcscf/*.py pcscf/*/*.py iq/*.py iq/*/*.py agw/*.py agw/*/*.py hosting/*.py lab/*.py)
MISSING = $$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done)
define apt
	@missing="$(call MISSING,$(1))"; if [ -n "$$missing" ]; then \
	  echo "installing Debian packages: "$$missing; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

.PHONY: setup demo test test-compiled compiled lint bench bench-signalling bench-media bench-streams clean FORCE
setup: $(VENV)/.setup $(VENV)/.peers

$(VENV)/.setup: pyproject.toml $(VENV)/.cargo $(NATIVE)
	$(call apt,$(APT_BASE))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(BUILT)
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test,lint]'
	@ls $(BUILT) >/dev/null 2>&1 || echo "*** THE NATIVE PACKET ENGINE OR THE SIP TOKENIZER IS NOT BUILT, slower code \
	in Python will do: $(if $(CARGO),its build failed (see $(BIN)/pip install -v --no-deps -e .),$(NO_CARGO))" >&2
	@touch $@

# Another cargo, or the first one, builds what is native (again).
$(VENV)/.cargo: FORCE
	@mkdir -p $(@D); echo "$(FOUND)" | cmp -s - $@ || echo "$(FOUND)" >$@

$(VENV)/.peers: Makefile $(VENV)/.setup
	$(call apt,$(APT_PEERS))
	@touch $@

$(COMPILED)/.built: $(SOURCES) $(VENV)/.setup
	$(call apt,$(APT_COMPILER))
	@rm -rf build && $(BIN)/pip install -q --disable-pip-version-check --no-deps --target $(COMPILED) .
	@touch $@

# Minutes of C compiler: what the benchmarks measure, and `make test-compiled` tests.
compiled: $(COMPILED)/.built

demo: $(VENV)/.setup
	@$(BIN)/imslab demo --media all --seconds 1

test: setup
	@$(if $(CARGO),cd native && cargo test --workspace --locked -q,echo "native/ is not tested: $(NO_CARGO)")
	@$(BIN)/pytest $(ARGS)

test-compiled: setup compiled
	@PYTHONPATH=$(COMPILED) $(BIN)/pytest -o "pythonpath=$(COMPILED) ." $(or $(ARGS),tests --ignore=tests/interop \
	tests/interop/test_sipp_ues.py tests/interop/test_sipp.py)

lint: $(VENV)/.setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(if $(CARGO),cd native && cargo fmt --check && cargo clippy --workspace --all-targets --locked -q -- -D warnings,\
	echo "native/ is not linted: $(NO_CARGO)")

bench: setup compiled
	$(call apt,$(APT_BENCH))
	@$(BIN)/python -m benchmarks $(ARGS)

bench-signalling: setup compiled
	$(call apt,$(APT_BENCH))
	@$(BIN)/python -m benchmarks signalling $(ARGS)

bench-media: setup compiled
	$(call apt,$(APT_BENCH))
	@$(BIN)/python -m benchmarks media $(ARGS)

bench-streams: setup compiled
	$(call apt,$(APT_BENCH))
	@$(BIN)/python -m benchmarks streams handshakes $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis native/target $(BUILT)
