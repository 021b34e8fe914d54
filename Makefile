# The commands of this project. Each sets up .venv by itself; nothing else has to be installed.
# Distributions build their Python with profile-guided optimisation; one that is built at home without
# runs the gateway at half the speed.
PYTHON ?= $(shell for p in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := demo,dev,kafka,otel,servers
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Images set it to stay small. Here it has hundreds of processes compile the same modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick check chart bench guard chaos chain fuzz simulate audit setup generate requirements dist release-check release-notes package clean

demo: $(STAMP)
	$(BIN)/python -m gateway demo $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)  # they wait more than they work

quick: $(STAMP)
	$(BIN)/python -m pytest tests/unit/core tests/unit/config tests/unit/runtime tests/architecture tests/golden $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.docs.generate --check

chart: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/chart tests/image $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m tools.bench $(ARGS)

guard: $(STAMP)
	$(BIN)/python -m tools.guard $(ARGS)

fuzz: $(STAMP)
	$(PIP) --editable '.[fuzz]'
	$(BIN)/python -m tools.fuzz $(ARGS)

audit: $(STAMP)
	$(PIP) --editable '.[audit]'
	$(BIN)/python -m pip_audit --strict --no-deps --disable-pip --requirement constraints.txt $(ARGS)

chaos: $(STAMP)
	$(BIN)/python -m tools.chaos $(ARGS)

chain: $(STAMP)
	$(BIN)/python -m tools.chain $(ARGS)

simulate: $(STAMP)
	$(BIN)/python -m tools.simulation $(ARGS)

generate: $(STAMP)
	$(BIN)/python -m tests.docs.generate

# What the image installs, each file of it with its hashes: the same versions as in constraints.txt.
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command 'make requirements' --constraint constraints.txt

requirements: $(STAMP)
	$(PIP) --editable '.[release]'
	$(BIN)/uv $(COMPILE) pyproject.toml --extra otel --output-file requirements/runtime.txt $(ARGS)
	$(BIN)/uv $(COMPILE) requirements/kafka.in --output-file requirements/kafka.txt $(ARGS)
	$(BIN)/uv $(COMPILE) requirements/build.in --output-file requirements/build.txt $(ARGS)
	$(BIN)/python -m tests.docs.generate

# The sdist, and the wheel that is built from it: pure, whatever the environment says.
dist: $(STAMP)
	$(PIP) --editable '.[release]'
	rm -rf dist
	GATEWAY_COMPILE= $(BIN)/python -m build --outdir dist .

# What a release asks: RELEASING.md. They need no environment.
release-check:
	@$(PYTHON) -m tools.release check "$(TAG)"

release-notes:
	@$(PYTHON) -m tools.release notes

package:
	$(PYTHON) -m tools.release chart --image "$(IMAGE)" --source "$(SOURCE)" $(ARGS)

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)"; exit 1; }
	@# uv takes a tenth of pip's time. It reads no pip.conf: where it cannot be had, or finds no index, pip does it.
	$(PIP) uv \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$(EXTRAS)]' \
	  || $(PIP) --editable '.[$(EXTRAS)]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
