# The whole interface for a contributor. Needs Python 3.11 or newer and a network for packages; everything else comes from uv.lock.

PYTHON ?= python3
UV := .venv/bin/uv
SYNC := $(UV) sync --quiet --locked --inexact

.PHONY: demo test check format docs bench soak

demo: .venv/.demo ## replay the seed articles' recordings and score them: no key, no network
	@.venv/bin/workbench run --replay
	@echo; echo "beside it, two blind labellings of the same articles (workbench agreement goldens/plan/first-pass goldens/plan/second-pass):"
	@.venv/bin/workbench agreement goldens/plan/first-pass goldens/plan/second-pass | tail -1
	@echo; echo "the commands above, and all others, are in .venv/bin:  export PATH=\"$$PWD/.venv/bin:\$$PATH\""

test: check .venv/.browser ## everything; what could not run says so
	@.venv/bin/python -m pytest -n auto --dist loadfile --max-worker-restart 0

check: .venv/.test ## what test does before pytest: style, types, import directions
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@echo "style, types and import directions are in order"

format: .venv/.test ## put the code into its one form
	@.venv/bin/ruff check --quiet --fix .
	@.venv/bin/ruff format --quiet .

docs: .venv/.test ## the pages of docs/ that are made from the code; of the last run, where there is a browser, the README's pictures
	@.venv/bin/python docs/generate.py
	@.venv/bin/python docs/screenshots.py

bench: .venv/.test ## the measurements of docs/evaluation.md, side by side with peers where they are installed
	@for script in benchmarks/*.py; do .venv/bin/python $$script; done

soak: .venv/.test ## the tests of a night's run at their full size: 20,000 articles of an endpoint that fails by plan, 200 times kill -9
	@WORKBENCH_SOAK=20000 WORKBENCH_KILLS=200 .venv/bin/python -m pytest -o faulthandler_timeout=0 tests/test_soak.py tests/test_kill.py tests/test_batch_kill.py tests/test_shards.py

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"workbench needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]} (try: make PYTHON=python3.11 …)")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/.demo: uv.lock pyproject.toml | $(UV)
	@echo "installing from uv.lock into .venv"
	@$(SYNC) --no-default-groups
	@touch $@

.venv/.test: uv.lock pyproject.toml | $(UV)
	@echo "installing from uv.lock into .venv, with what the tests need"
	@$(SYNC) --group dev
	@$(SYNC) --group dev --group real-model || echo "note: the real model cannot be installed here; its test will say so"
	@touch .venv/.demo $@

# A browser for the tests of pages: one that is there, else Debian's where we may install it, else playwright's own.
.venv/.browser: | .venv/.test
	@command -v chromium >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium for the tests of pages" \
	       && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium fonts-noto-cjk >.venv/browser.log 2>&1; } \
	  || .venv/bin/playwright install chromium >.venv/browser.log 2>&1 \
	  || echo "note: there is no browser and none can be installed; the tests of pages will say so"
	@touch $@
