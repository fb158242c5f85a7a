# make repro        set up what is missing, then run the pipeline
# make handin       the results as handin.zip, once they are there
# make test         set up what is missing, then run the tests
# make quick        the tests that need no cluster and no run of the pipeline: 1.5 minutes on two cores
# make lint         ruff and mypy
# make bench        the benchmarks
# make lock         resolve the newest versions that pyproject.toml allows into the two locks
# make check-lock   check that every locked package can be installed on every supported Python

PYTHON ?= python3
PYTHONS := 3.11 3.12 3.13
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export LOGNAME ?= $(shell id -un 2>/dev/null || id -u)# DVC needs a name; a container's user may have none
# uv, if it is installed, does the same as pip in a sixth of the time
INSTALL := $(if $(shell command -v uv),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install --use-pep517) -q --no-deps

.PHONY: repro handin test quick lint bench setup system browser torch lock check-lock
repro: setup
	@lid doctor >/dev/null
	dvc repro
	@echo "artifacts/report/index.html: $$(cat artifacts/report/result.txt)"

handin: setup browser
	lid bundle handin.zip

PYTEST := pytest -n auto --dist loadfile --no-loadscope-reorder# tests/conftest.py puts the longest files first
test: setup browser $(VENV)/test
	$(PYTEST)

quick: setup $(VENV)/test
	$(PYTEST) -m "not end_to_end and not cluster and not slow"

lint: setup $(VENV)/test
	ruff check .
	ruff format --check .
	mypy

bench: setup $(VENV)/test
	for file in benchmarks/*.py; do python -m benchmarks.$$(basename $$file .py) || exit; done

setup: system $(VENV)/ready

# System packages: installed with apt-get if this user may do so, otherwise named. Only tests need a browser.
system: PROGRAMS := sox espeak-ng dot
system: PACKAGES := sox libsox-fmt-all espeak-ng graphviz python3-venv fonts-freefont-ttf fonts-wqy-microhei
browser: PROGRAMS := chromium
browser: PACKAGES := chromium
system browser:
	@missing=; for program in $(PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null; then \
		echo "error:$$missing missing and there is no apt-get here; install packages that provide:$$missing" >&2; exit 2; \
	elif [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo="sudo -n"; \
	else echo "error:$$missing missing; as root, run: apt-get install $(PACKAGES)" >&2; exit 2; fi; \
	echo "installing $(PACKAGES)"; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(PYTHONS)".split())' || \
		{ echo "error: Python $(PYTHONS) are supported, this is $$($(PYTHON) -V); make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing the locked packages into $(VENV) (about 3 GB, some minutes)"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	$(INSTALL) --no-build-isolation -e .
	@touch $@

# What only tests and development need
$(VENV)/test: $(VENV)/ready requirements-test.lock
	$(INSTALL) -r requirements-test.lock
	@touch $@

# For the tests that need these, which are skipped without them: PyTorch's common build has gigabytes
torch: $(VENV)/test
	$(VENV)/bin/python -m pip install -q torch==2.13.0 lhotse==1.33.0 audformat==1.4.3

LOCK := uv pip compile -q --universal --python-version $(firstword $(PYTHONS)) --generate-hashes --no-annotate --no-header --upgrade
lock: $(VENV)/test
	$(LOCK) --extra pipeline pyproject.toml -o requirements.lock
	$(LOCK) --group dev -c requirements.lock -o requirements-test.lock \
		$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock)

# Wheels for Linux and macOS, of all packages but those that are published as sources only
check-lock: $(VENV)/test
	@for python in $(PYTHONS); do for platform in x86_64-manylinux_2_36 aarch64-manylinux_2_36 aarch64-apple-darwin; do \
		echo "Python $$python, $$platform"; \
		MACOSX_DEPLOYMENT_TARGET=14.0 uv pip install -q --dry-run --no-deps --require-hashes --target $(VENV)/none \
			--python-version $$python --python-platform $$platform \
			--only-binary :all: --no-binary antlr4-python3-runtime --no-binary jsonpath-rw --no-binary sox \
			-r requirements.lock -r requirements-test.lock || exit; \
	done; done
