# Set-up, tests and the demo. `make test` is what continuous integration runs;
# `make test-all` also runs the tests marked slow, half as long again.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
RUN := $(VENV)/bin/python
DEMO_OUTPUT ?= output/demo

.PHONY: setup style test test-all fuzz kills demo lint format clean

setup: $(VENV)/.ready build/rasterizer_op.ready

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" || \
	  { echo "Python 3.11 is needed: make PYTHON=path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-compile \
	  -r requirements.txt
	touch $@

# The hard rasteriser of tensorflow_graphics, compiled for this TensorFlow.
# Without a compiler everything but --renderer=tfg still works.
build/rasterizer_op.ready: $(VENV)/.ready
	mkdir -p build
	$(RUN) -m tools.build_rasterizer_op || \
	  echo "The C++ rasteriser was not built: pictures use the slower one."
	touch $@

style: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# In two halves, for a process keeps what XLA compiled until it ends; each in
# the order of tests/conftest.py, which ends with short files.
PYTEST := $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
FIRST_HALF := tests/[a-q]*/
SECOND_HALF := tests/[r-z]*/ tests/test_*.py

test: style
	$(PYTEST) -m "not slow" $(FIRST_HALF)
	$(PYTEST) -m "not slow" $(SECOND_HALF)

test-all: style
	$(PYTEST) $(FIRST_HALF)
	$(PYTEST) $(SECOND_HALF)

# Damaged and hostile files of all kinds by the thousand.
fuzz: setup
	$(RUN) -m tests.fuzz

# Training that is killed in the middle of its saves, and goes on. Needs Linux
# and a C compiler.
kills: setup
	$(RUN) -m tests.kills

demo: setup
	$(RUN) -m tools.reconstruct --flagfile=flags/demo.flags \
	  --output_dir=$(DEMO_OUTPUT)

# Style, and types: not part of the tests, for it takes a minute. Faults of
# before stand in .basedpyright/baseline.json; new ones fail.
lint: style
	$(RUN) -m basedpyright --level error

format: setup
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf $(VENV) build output
