# Works on a fresh machine with Python >= 3.11, make and nothing else: `make demo`, `make test`, `make check`.
# Variables that one may set: PYTHON (which Python), VENV (where to install), SAMPLE, LIMIT, OUT (the demo), ARGS (for pytest).

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV ?= .venv
SAMPLE ?= fair
LIMIT ?= 60s
OUT ?= runs/demo
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt

.PHONY: demo test check format clean

demo: $(VENV)/.installed
	$(BIN)/treeline run sample:$(SAMPLE) --time-limit $(LIMIT) --out $(OUT)
	@echo
	@echo "The report is $(OUT)/report.html: open it in a browser, or run '$(BIN)/treeline report $(OUT) --open'."

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_public_names.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# pip is written last, so a half-made environment is made again.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Treeline needs Python 3.11 or newer: install it, or say 'make PYTHON=/path/to/python'."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "Do: install your system's venv package (such as python3-venv), then try again."; exit 1; }

# The stamps are newer than what they were made from: a second `make` installs nothing.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[all]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[dev]'
	touch $(VENV)/.installed $@
