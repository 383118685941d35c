# `make prove` proves a shipped network; `make test` runs the tests. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AXE := $(VENV)/axe
NET ?= zoo:mlp
OUT ?= out

# what the tests of printed documents need: command, then the Debian packages that bring it
LATEX_TOOLS := latexmk pdflatex pdftoppm
LATEX_PACKAGES := latexmk texlive-latex-base texlive-latex-recommended texlive-latex-extra texlive-pictures lmodern cm-super poppler-utils

.PHONY: prove test lint types certificates pages bench clean

prove: $(VENV)/.installed
	$(BIN)/tpproof prove $(NET) --out $(OUT)

test: $(VENV)/.installed-test $(VENV)/.installed-latex $(VENV)/.installed-browser
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

certificates: $(VENV)/.installed
	$(BIN)/python -m tpproof.cli.certificates certificates

pages: $(VENV)/.installed
	$(BIN)/python -m tpproof.cli.pages docs/zoo certificates
	$(BIN)/python -m tpproof.cli.figures docs

bench: $(VENV)/.installed-test
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/sampling.py --quick
	$(BIN)/python benchmarks/kernels.py --quick
	$(BIN)/python benchmarks/crosscheck.py --quick

clean:
	rm -rf $(VENV) $(OUT) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "installing the Debian package python3-venv"; \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq && $$root apt-get install -y -qq python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-latex: $(VENV)/bin/python
	@(for tool in $(LATEX_TOOLS); do command -v $$tool || exit 1; done; kpsewhich cleveref.sty standalone.cls) >/dev/null || { \
	  echo "installing the Debian packages $(LATEX_PACKAGES)"; \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $(LATEX_PACKAGES); }
	@touch $@

# The tests open pages in the system's Chromium and look at them with axe, an accessibility checker.
$(VENV)/.installed-browser: $(VENV)/bin/python
	@command -v chromium >/dev/null || { \
	  echo "installing the Debian package chromium"; \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq && $$root apt-get install -y -qq chromium; }
	@[ -f $(AXE)/node_modules/axe-core/axe.min.js ] || { \
	  command -v npm >/dev/null || { \
	    echo "installing the Debian packages nodejs and npm"; \
	    root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	    $$root apt-get update -qq && $$root apt-get install -y -qq nodejs npm; }; \
	  echo "installing the npm package axe-core"; \
	  mkdir -p $(AXE) && npm install --silent --no-audit --no-fund --prefix $(AXE) axe-core@4; }
	@touch $@
