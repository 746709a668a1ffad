# Every target makes .venv when it is missing or when the requirements have changed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: setup demo test quick lint bench clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 setup")'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: setup
	$(RUN) -m frcnn_keras demo --out work/demo

test: setup
	$(RUN) -m pytest -n 2 --dist loadfile

quick: setup
	$(RUN) -m pytest -n 2 --dist loadfile -m "not slow"

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m mypy

bench: setup
	$(RUN) -m benchmarks

clean:
	rm -rf work build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
