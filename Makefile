# Everything runs in .venv, which is made, and brought up to date, when requirements*.txt change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-thorough test-all test-whole durations check cover lint format validate classes wheel setup clean

demo: $(VENV)/run.stamp
	$(BIN)/python main.py demo

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto

# All but the slow ones: minutes instead of one.
test-thorough: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto -m "not slow"

test-all: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto -m ""

# Whole programs, clusters and pages of a thousand rows: minutes instead of seconds, and no photographs are needed.
# What is slow because it starts a program stands here, so that it runs in CI.
test-whole: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto -m slow tests/test_installed.py tests/test_doors.py tests/test_end_to_end.py \
		tests/terminal tests/batch tests/devices tests/files/test_watching.py \
		tests/reporting/test_as_shipped.py tests/reporting/test_page_in_browser.py \
		tests/training tests/benchmarks/test_dataset_benchmark.py tests/benchmarks/test_kinds.py \
		tests/test_library.py tests/detectors

# Where the time of the tests goes; what makes the quick ones take more than a minute belongs into tests/thorough.txt.
durations: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto -m "not slow" --durations=40 --durations-min=0.2

check: lint test-thorough cover

# The judge is proven: no line and no branch of it goes untested.
cover: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto -q -m "not slow" tests/analysis/test_cases.py tests/analysis/test_gradability.py tests/test_laws.py tests/analysis/test_severity.py \
		--cov=dscope_blink.analysis.judging --cov=dscope_blink.analysis.gradability --cov=dscope_blink.analysis.zoning \
		--cov=dscope_blink.analysis.severity --cov-branch --cov-fail-under=100

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

validate: $(VENV)/run.stamp
	$(BIN)/python -m benchmarks.validation

# The model that tells the kinds of marks apart, fitted anew: after any change of what is found, cut out or measured.
classes: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.marks.fit_classes

wheel: $(VENV)/run.stamp
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

setup: $(VENV)/dev.stamp

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo_output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run.stamp: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	touch $@
