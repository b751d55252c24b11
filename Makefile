# Every target sets up what it needs in .venv by itself, and nothing twice.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
LAB_ARGS ?=
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Jupyter and Keras write to the home folder; where that cannot be, they get one of their own
ifeq ($(shell test -d "$$HOME" -a -w "$$HOME" && echo yes),)
export HOME := $(CURDIR)/.venv/home
endif

.PHONY: demo test lab docs bench slow clean help

help: ## show this list
	@awk -F ': ## ' '/^[a-z]+: ## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile

demo: ## train picture, words, classic and fused models on the sample table and report (minutes)
	@scripts/setup.sh run
	@.venv/bin/mmfuse demo

test: ## check the notebooks, run them all, then pytest (at most 25 minutes on 2 cores)
	@scripts/setup.sh dev
	@echo "1/3 The notebooks are exported and clean"
	@$(PY) scripts/check_notebooks.py
	@echo "2/3 Every notebook runs"
	@$(PY) scripts/test_notebooks.py
	@echo "3/3 pytest"
	@$(PY) -m pytest -n 2 --dist loadgroup

lab: ## open JupyterLab on the quick-start notebook
	@scripts/setup.sh run
	@$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS) nbs/tutorials/quickstart.ipynb

docs: ## build the documentation site in _docs, and README.md
	@scripts/setup.sh docs
	@$(PY) scripts/build_site.py

bench: ## run the benchmarks and write benchmarks/RESULTS.md (half an hour on a quiet machine)
	@scripts/setup.sh dev
	@$(PY) scripts/run_benchmarks.py

slow: ## run the long experiments and write benchmarks/*.parquet (hours)
	@scripts/setup.sh dev
	@$(PY) scripts/test_notebooks.py --slow

clean: ## remove what was built; .venv and runs stay
	@rm -rf _docs _proc build dist *.egg-info .pytest_cache nbs/nbdev.yml nbs/sidebar.yml
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
