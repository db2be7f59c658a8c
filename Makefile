# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.

BIN := .venv/bin

.PHONY: demo test test-real check docs bench bench-engines format clean

demo: ## install what is missing, read the shipped sample, print its text
	@scripts/setup demo
	@$(BIN)/chatvlmllm recognize src/chatvlmllm/samples/sample.png

test: ## every quick test
	@scripts/setup dev
	@$(BIN)/pytest

test-real: ## what needs minutes: the built wheel, a real vLLM as process and in a container
	@scripts/setup dev
	@$(BIN)/pytest -m real

check: ## format, lint, types
	@scripts/setup dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: ## put the code into its usual form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: ## write the pages that are made by programs
	@scripts/setup dev
	@$(BIN)/python -m tests.docs

bench: ## compare readers on drawn documents, and on your own: make bench REAL=folder; the report is in out/bench
	@scripts/setup dev
	@$(BIN)/python -m benchmarks.study $(if $(REAL),--real "$(REAL)") $(if $(SEED),--seed $(SEED))

bench-engines: ## start-up time of the command, swaps of models
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/swaps.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
