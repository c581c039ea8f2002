# Needs make, git and Python 3.11 to 3.14 with venv and pip; everything else goes into .venv and .cache.

PYTHON ?= python3
PY := .venv/bin/python
SANDBOX := PYTHONPATH=tests $(PY) -m sandbox

# A run writes nothing into the home folder, which may be read-only.
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_REMOTE_TEMP := $(ANSIBLE_HOME)/tmp

# Packages are compiled when they are first imported, as they are where a user has installed them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help try test test-cores check bench bench-swap bench-wait venv sandbox sandbox-env sandbox-down clean

help: ## list the targets
	@awk -F ":.*## " '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

try: .venv/ready ## see the main job run in a sandbox: deploy, switch, refuse, roll back, under traffic
	@PYTHONPATH=tests $(PY) -m sandbox.demo

test: .venv/ready ## every gate and every test
	@$(PY) .ci/gates.py -sanity
	@# The longest gate keeps one processor busy, and is done beside the tests.
	@$(PY) .ci/gates.py sanity & gate=$$!; \
	$(PY) -m pytest -n 4 --dist worksteal tests/unit tests/integration; tested=$$?; \
	wait $$gate && exit $$tested

test-cores: .venv/ready ## sanity, unit tests, both doors and every playbook on each supported ansible-core whose Python is here
	@$(PY) .ci/cores.py

check: .venv/ready ## the quick half: lint, types, unit tests, one story
	@$(PY) .ci/gates.py ruff format mypy yamllint ansible-lint
	$(PY) -m pytest -n 3 --dist worksteal tests/unit tests/integration/test_first_light.py

bench: .venv/ready ## measure whole deploys and rollbacks beside the stock modules and the sequence of 2015
	@PYTHONPATH=tests $(PY) tests/bench/deploy.py

bench-wait: .venv/ready ## measure k8s_wait_ready beside kubernetes.core.k8s_info and kubectl rollout status
	@PYTHONPATH=tests $(PY) tests/bench/wait.py

bench-swap: .venv/ready ## measure the swap beside the stock module and the sequence of 2015
	@PYTHONPATH=tests $(PY) tests/bench/swap.py

venv: .venv/ready ## only set up: .venv with pinned tools and the collections

.venv/ready: .ci/requirements.txt .ci/wheels.txt .ci/make_venv.py
	@$(PYTHON) .ci/make_venv.py
	@touch $@

sandbox: .venv/ready ## start a sandbox and leave it running
	@$(SANDBOX) up

sandbox-env: .venv/ready ## print the exports that point ansible-playbook, aws and kubectl at it
	@$(SANDBOX) env

sandbox-down: .venv/ready ## stop it
	@$(SANDBOX) down

clean: ## remove everything that was made
	@[ ! -d .sandbox ] || $(SANDBOX) down
	rm -rf .venv .cache .sandbox
