# Every target sets up what it needs: see tools/bootstrap.py. `make` lists them.

# the first Python 3 that runs, to start the bootstrap with
PYTHON = $(or $(shell for python in python3 python /usr/bin/python3; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null && \
  echo $$python && break; done),$(error found no Python 3.7 or later to start with))
BOOTSTRAP = $(PYTHON) tools/bootstrap.py
COMPILE = $(BOOTSTRAP) uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header

ESTIMATOR = $(CURDIR)/.venv/bin/python
CURRENT = $(CURDIR)/.venv-current/bin/python

# a user's settings that would put other packages before the locked ones
unexport PYTHONPATH PYTHONHOME

.PHONY: help demo test test-current test-e2e frontend test-frontend bench lint types format proto lock clean
.PHONY: estimator current engines kubeflow-v1

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | \
	  awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo "ARGS='...' goes on to pytest or the benchmark, e.g. make test ARGS='-k slicing'"

estimator:
	@$(BOOTSTRAP) estimator

current:
	@$(BOOTSTRAP) current

kubeflow-v1:
	@$(BOOTSTRAP) kubeflow-v1

# the distributions of Flink and Spark, and Beam's job servers for them (needs Maven)
engines:
	@$(BOOTSTRAP) engines
	@tools/fetch_job_servers.sh .venv-engines/job_servers

# not from the checkout's root: there `proto/` would hide the package that Google's clients import
demo: estimator ## run the pipeline on New York's flights twice and show what ML Metadata holds
	@mkdir -p demo_output
	@cd demo_output && $(ESTIMATOR) -m microtome.pipelines.demo --output $(CURDIR)/demo_output

test: estimator ## run the tests of the estimator line (Python 3.10, TFX 1.15)
	$(ESTIMATOR) -m pytest -m "not e2e and not slow" $(ARGS)

test-current: current ## run the tests of the current line (Python 3.12, today's TensorFlow)
	$(CURRENT) -m pytest -m "current and not e2e and not slow" $(ARGS)

test-e2e: estimator current engines kubeflow-v1 ## run the slow tests: whole pipelines, servers and browsers, end to end
	$(ESTIMATOR) -m pytest -m "(e2e or slow) and not on_demand" --durations=30 $(ARGS)

frontend: frontend/node_modules ## build the views from TypeScript (needs Node 20)
	cd frontend && npm run --silent contract && npm run --silent build

# what is committed must be what the sources give
test-frontend: frontend/node_modules ## check, test and rebuild the views; fails where the built files are not up to date
	cd frontend && npm run --silent check && npm run --silent test
	$(MAKE) --no-print-directory frontend
	git diff --exit-code --stat -- frontend/src/report/contract.ts microtome/view/static

frontend/node_modules: frontend/package.json frontend/package-lock.json
	cd frontend && npm ci --no-fund --no-audit
	@touch frontend/node_modules

bench: estimator ## measure Microtome, TFMA and bare inference side by side
	cd benchmarks && $(ESTIMATOR) -m microtome_bench $(ARGS)

lint: estimator ## check style and formatting
	$(ESTIMATOR) -m ruff check .
	$(ESTIMATOR) -m ruff format --check .

format: estimator ## mend style and formatting where a tool can
	$(ESTIMATOR) -m ruff check --fix .
	$(ESTIMATOR) -m ruff format .

# of the package as its users have it: a plain install, found by way of py.typed
types: estimator ## check the types of the installed package
	@rm -rf build
	@$(ESTIMATOR) -m venv --without-pip build/types
	@$(ESTIMATOR) -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' \
	  > build/types/lib/python3.10/site-packages/locked.pth
	@$(ESTIMATOR) -m pip --python build/types/bin/python install --quiet --no-deps \
	  --no-build-isolation --disable-pip-version-check .
	$(ESTIMATOR) -m mypy --python-executable build/types/bin/python -p microtome

proto: ## generate the Python modules of the .proto files
	@$(BOOTSTRAP) proto
	.venv-proto/bin/python proto/generate.py

# keeps what is pinned; UPGRADE=1 takes the newest of everything
lock: ## pin what requirements/*.in ask for
	for line in estimator:3.10 current:3.12 engines:3.10 kubeflow_v1:3.10 proto:3.10 tools:3.8; do \
	  file=requirements/$${line%:*}; \
	  $(COMPILE) $(if $(UPGRADE),--upgrade) --python-version $${line#*:} \
	    $$file.in --output-file $$file.txt || exit 1; \
	done
	$(COMPILE) $(if $(UPGRADE),--upgrade) --python-version 3.10 \
	  --constraints requirements/estimator.txt requirements/image.in \
	  --output-file requirements/image.txt

clean: ## remove all that make has made, the environments too
	rm -rf .venv .venv-current .venv-engines .venv-kubeflow-v1 .venv-proto .venv-tools build dist *.egg-info demo_output
	rm -rf frontend/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
