# Everything starts with one of these on a fresh Debian 12: make demo, make test, make bench, make lint.
# Needs git, make and root or sudo (for apt, only where a package is missing).
SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
# Debian's own interpreter, which python3-venv belongs to; another one: make PYTHON=python3.12 setup
PYTHON := $(or $(wildcard /usr/bin/python3),python3)
SUDO  := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT_BASE  := python3-venv
APT_PEERS := netbase sip-tester baresip-core kamailio tshark erlang-megaco
APT_BENCH := rtpengine-daemon gcc libc6-dev libssl-dev
MISSING = $$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done)
define apt
	@missing="$(call MISSING,$(1))"; if [ -n "$$missing" ]; then \
	  echo "installing Debian packages: "$$missing; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

.PHONY: setup demo test lint bench clean
setup: $(VENV)/.setup $(VENV)/.peers

$(VENV)/.setup: pyproject.toml
	$(call apt,$(APT_BASE))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test,lint]'
	@touch $@

$(VENV)/.peers: Makefile $(VENV)/.setup
	$(call apt,$(APT_PEERS))
	@touch $@

demo: $(VENV)/.setup
	@$(BIN)/imslab demo

test: setup
	@$(BIN)/pytest $(ARGS)

lint: $(VENV)/.setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: setup
	$(call apt,$(APT_BENCH))
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
