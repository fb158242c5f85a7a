# make repro   set up what is missing, then run the pipeline
# make handin  the results as handin.zip, once they are there
# make test    set up what is missing, then run the tests
# make quick   the fast tests: under a minute, no end-to-end or cluster tests
# make lint    ruff and mypy
# make bench   the benchmarks

PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro handin test quick lint bench setup system browser
repro: setup
	@lid doctor >/dev/null
	dvc repro
	@echo "artifacts/report/index.html: $$(cat artifacts/report/result.txt)"

handin: setup browser
	lid bundle handin.zip

test: setup browser $(VENV)/extras
	pytest

quick: setup
	pytest -m "not end_to_end and not cluster and not slow"

lint: setup
	ruff check .
	ruff format --check .
	mypy

bench: setup
	for file in benchmarks/*.py; do python $$file || exit; done

setup: system $(VENV)/ready

# System packages: installed with apt-get if this user may do so, otherwise named. Only tests need a browser.
system: PROGRAMS := sox espeak-ng dot
system: PACKAGES := sox libsox-fmt-all espeak-ng graphviz python3-venv
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
	$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, this is $$($(PYTHON) -V); make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing the locked packages into $(VENV) (about 3 GB, some minutes)"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --no-deps --use-pep517 -r requirements.lock
	$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

# Not in the lock: tests need them; users of PyAV install it themselves, and the build of torch on PyPI has gigabytes.
$(VENV)/extras: $(VENV)/ready
	$(VENV)/bin/pip install -q torch==2.13.0 av==18.1.0
	$(VENV)/bin/pip install -q --no-deps axe-core-python==0.1.0
	@touch $@
