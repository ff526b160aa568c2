# Everything from a bare machine: make and Python 3.11 or newer are all it takes. `make` alone lists the targets.

# One thread a process: tests run side by side, a process a core.
PYTEST = OMP_NUM_THREADS=1 .venv/bin/pytest -n auto --maxprocesses 8 --dist worksteal

# What `headfreeze annotate landmarks` fetches on first use; fetched ahead, so that the tests need no network.
FACE_MODELS = .venv/face-models/face_landmark.tflite

.PHONY: help install demo test test-slow lint check docs bench clean

help:
	@echo 'make demo       rooms, recipes, a table and a picture in runs/demo: minutes on two cores'
	@echo 'make test       the tests, without the slow ones'
	@echo 'make test-slow  all tests'
	@echo 'make lint       ruff and mypy'
	@echo 'make check      lint and test: what CI runs'
	@echo 'make docs       the documentation as a site, in build/site'
	@echo 'make bench      images per second of training, against the bare arithmetic'
	@echo 'make install    .venv with headfreeze in it; the others do this themselves where it is missing'
	@echo 'make clean      removes what the tools leave behind; .venv and runs stay'

install: .venv/installed

demo: .venv/installed
	.venv/bin/headfreeze demo

test: .venv/installed $(FACE_MODELS)
	$(PYTEST)

test-slow: .venv/installed $(FACE_MODELS)
	$(PYTEST) -m ''

lint: .venv/installed
	@failed=0; \
	for linter in 'ruff check .' 'ruff format --check .' 'mypy'; do \
	  echo ".venv/bin/$$linter"; .venv/bin/$$linter || failed=1; \
	done; exit $$failed

check: lint test

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet
	@echo 'the first page: build/site/index.html; with search: .venv/bin/python -m http.server -d build/site'

bench: .venv/installed
	.venv/bin/python benchmarks/step.py
	.venv/bin/python benchmarks/adversary.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# `make PYTHON=/path/to/python` takes another one than the first that fits.
PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)

.venv/installed: pyproject.toml constraints.txt
	@for python in $(PYTHONS); do \
	  "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && found=$$python && break; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'error: no Python 3.11 or newer with venv among: $(PYTHONS). Install one (Debian: apt install python3-venv) or name it: make PYTHON=/path/to/python' >&2; \
	  exit 1; \
	fi; \
	echo "installing headfreeze and PyTorch into .venv with $$found: about 3 minutes, 6 GB on Linux; once"; \
	.venv/bin/python -m pip --version > /dev/null 2>&1 || "$$found" -m venv --clear .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[lite,synth,ray,s3,dev]'
	@touch $@

$(FACE_MODELS): .venv/installed
	@.venv/bin/python -c 'from pathlib import Path; from headfreeze.annotate.face_models import face_models; face_models(Path("$(@D)"))'
	@touch $@
