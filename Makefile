# Two commands for a fresh machine: `make demo` and `make test`. Both begin with `make setup`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench bench-crawl bench-neighbours bench-duplicates bench-train bench-recipes bench-predict bench-serve bench-review bench-strangers lint types build docs clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(STAMP) ## Make .venv, install everything, find or install a Chromium.
	@$(BIN)/python -m crawler.browser

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c '' 2>/dev/null || { echo 'error: $(PYTHON) cannot be run. Name a Python 3.11 to 3.13 that is there, for example: make setup PYTHON=python3' >&2; exit 1; }
	@$(PYTHON) scripts/check_python.py
	@echo "installing into $(VENV): about 2.5 GB, most of it TensorFlow; this takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --use-pep517 -c constraints.txt -e '.[train,crawl,dev]'
	@touch $(STAMP)

demo: setup ## Crawl a local shop, publish a dataset, train, evaluate, predict, write a report.
	$(BIN)/python -m scripts.demo

test: setup ## Run the whole test suite, two tests at a time.
	$(BIN)/python -m pytest -n 2 --dist worksteal

bench: bench-crawl bench-neighbours bench-duplicates bench-train bench-recipes bench-predict bench-serve bench-review bench-strangers ## Measure everything; takes hours.

bench-crawl: setup ## Measure the crawler beside Selenium and stock Scrapy; needs chromedriver.
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks.crawl

bench-neighbours: setup ## Measure the search for near hashes beside numpy, faiss and others.
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks.neighbours

bench-recipes: setup ## Cross-validate every recipe that was considered on real photos.
	$(BIN)/python -m benchmarks.recipes

bench-train: setup ## Measure training beside training as the original did it.
	$(BIN)/python -m benchmarks.training

bench-predict: setup ## Measure prediction in every runtime beside Keras.
	$(BIN)/python -m benchmarks.prediction

bench-serve: setup ## Load the service with good, bad and hostile uploads.
	$(BIN)/python -m benchmarks.serve

bench-review: setup ## Measure what looking through the review page's order gains.
	$(BIN)/python -m benchmarks.review

bench-strangers: setup ## Compare scores that tell pictures of other things.
	$(BIN)/python -m benchmarks.strangers

bench-duplicates: setup ## Measure which copies are found, and which pictures are taken for one.
	$(BIN)/python -m benchmarks.duplicates

lint: setup ## Check style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types.
	$(BIN)/mypy

build: setup ## Build the wheel of apparel_clf into dist/.
	$(BIN)/python -m build --wheel

docs: setup ## Build the guides as a site into build/site, links checked.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

clean: ## Remove what can be made again; datasets stay.
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
