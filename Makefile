# make dataset, make test: each builds what it needs, from a fresh clone.
PYTHON ?= python3
CONFIG ?= configs/news.yaml
BIN := .venv/bin

.PHONY: dataset test kills fuzz installs audit coverage mutants check docs bench clean

dataset: .venv/installed
	$(BIN)/curate run $(CONFIG)

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# 25 runs and 25 workers killed at random moments; the suite does it a few times.
kills: .venv/installed-dev
	CURATE_KILLS=25 $(BIN)/python -m pytest tests/end_to_end/test_kills.py $(ARGS)

# Coverage-guided fuzzing of every target together; SECONDS and TARGETS choose how long and which.
fuzz: .venv/installed-dev
	$(BIN)/python -m tests.fuzz $(TARGETS) --seconds $(or $(SECONDS),600)

# The wheel in a bare environment of each of these Pythons, with no compiler on the PATH.
installs: .venv/installed-dev
	CURATE_PYTHONS="$(or $(PYTHONS),$(PYTHON))" $(BIN)/python -m pytest tests/install $(ARGS)

# Which lines of curate/ the suite runs, also in the processes that it starts. A test that limits the size of files fails
# under it, as coverage cannot write there either.
coverage: .venv/bin/coverage
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest $(ARGS)
	-$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --show-missing --skip-covered --sort=miss

# Tests against small faults put into what must not be wrong (see tests/mutants.py); ONLY='*7' takes one in ten.
mutants: .venv/bin/mutmut
	$(BIN)/python -m tests.mutants $(MODULES) $(if $(ONLY),--only '$(ONLY)')

.venv/bin/coverage .venv/bin/mutmut: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(@F)
	touch $@

# Known faults of the pinned versions.
audit: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --skip-editable

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The docs as a site, in site/; a broken link fails.
docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/installed-dev
	for script in benchmarks/*/run.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv data/build data/releases

# uv is used when it is there; venv and pip suffice.
.venv/bin/python:
	if command -v uv >/dev/null; then uv venv --seed --python $(PYTHON) .venv; else $(PYTHON) -m venv .venv; fi

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing into .venv; this takes a minute or two."
	if command -v uv >/dev/null; then uv pip install --python $(BIN)/python -c constraints.txt -e .; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .; fi
	touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing into .venv; this takes a minute or two."
	if command -v uv >/dev/null; then uv pip install --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; fi
	touch $@ .venv/installed

.venv/installed-docs: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing into .venv; this takes a minute or two."
	if command -v uv >/dev/null; then uv pip install --python $(BIN)/python -c constraints.txt -e '.[docs]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'; fi
	touch $@
