# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up .venv first, and work
# offline once that is done.

# The first Python that is new enough; say PYTHON=… to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test lint course bench attack clean

help:
	@echo "make demo    grade the bundled cohort and write the reports"
	@echo "make test    run all tests, then let the course test itself"
	@echo "make lint    ruff, mypy and the import contracts"
	@echo "make bench   measure (minutes): benchmarks/README.md; make bench BENCH=peers: beside other graders"
	@echo "make attack  try our kinds of attack, and a corpus with ATTACKS=folder (minutes)"
	@echo "make clean   remove the environment and what was rendered"

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "torchgrade needs Python 3.11 or newer; none was found (say PYTHON=…)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (the first time this takes minutes)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/torchgrade demo

test: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=term
	$(BIN)/torchgrade ci

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

BENCH ?= light phases cohort scale
bench: $(READY)
	@for name in $(BENCH); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit; done

ATTACKS ?=
attack: $(READY)
	$(BIN)/python tests/hostile/measure.py --attacks tests/hostile/kinds $(ATTACKS) --out reports/rendered/attack

clean:
	rm -rf .venv reports/rendered .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
