.PHONY: help test test-current
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
test: ## Run the tests of the estimator line
	.venv/bin/python -m pytest -m "not e2e and not slow"
test-current: ## Run the tests of the current line
	.venv-current/bin/python -m pytest -m current
