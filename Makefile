# Each target is told by `make help`. All install into .venv first when something changed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help book student slides pdf check test test-colab test-commands test-kills fuzz results lab strip bench links repository clean

PYTHON ?=
PROFILE ?= demo
DATA_DIR ?=
JOBS ?= 2
SET ?=
MINUTES ?= 0
SEED ?= 0
FILES ?= 1000
URL ?=
LAB_ARGS ?=
MIN_FREE_GB ?= 8
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder --durations=25
export PYTHON DATA_DIR SET MIN_FREE_GB URL

RUN := .venv/bin/python
INSTALLED := .venv/.installed

help:
	@echo "make book    execute the notebooks and publish the book in _build/html"
	@echo "             PROFILE=demo|smoke|mini|paper  DATA_DIR=folder with clips, for mini and paper  JOBS=2"
	@echo "             SET=\"epochs=1 n_folds=2\"  parameters for every notebook that has them"
	@echo "make student the same without solutions and answers, in _build/student: html to read, notebooks to hand out"
	@echo "make slides  three lectures in _build/slides, from the notebooks that the last make book executed"
	@echo "make pdf     print the last book with an installed browser into _build/book.pdf"
	@echo "make check   run the quick checks, in a minute or two"
	@echo "make test    run every check"
	@echo "make test-colab  run every notebook as Colab does; half an hour, 4 GB, and it needs the net"
	@echo "make test-commands   run every command of the pages on running and recipes, in an hour or two"
	@echo "make test-kills  kill extraction, training, cross-validation and build fifty times; SEED=0"
	@echo "make fuzz    read a thousand damaged files of every kind, in a minute or two; SEED=0 FILES=1000"
	@echo "make results show the list of real runs; with MINUTES=60 DATA_DIR=folder with log-mels do what is missing of it"
	@echo "make lab     open the notebooks in JupyterLab; LAB_ARGS=\"--no-browser\""
	@echo "make strip   take the outputs out of the notebooks, before you commit them"
	@echo "make bench   run the benchmarks, in an hour or two"
	@echo "make repository URL=https://github.com/owner/name   write your fork's address everywhere"
	@echo "make links   ask every address in the book whether it answers; needs the net"
	@echo "make clean   delete _build (the book, its caches and earlier runs)"
	@echo "Each installs what it needs into .venv first, with PYTHON=... or the first Python 3.11 to 3.13 found."

book: $(INSTALLED)
	@$(RUN) -m book.build --profile "$(PROFILE)" --jobs "$(JOBS)" --data-dir "$$DATA_DIR" \
	  --set "$$SET"

student: $(INSTALLED)
	@$(RUN) -m book.build --student --profile "$(PROFILE)" --jobs "$(JOBS)" --data-dir "$$DATA_DIR" \
	  --set "$$SET"

slides: $(INSTALLED)
	@$(RUN) -m book.build.slides

pdf: $(INSTALLED)
	@$(RUN) -m book.build.pdf

check: $(INSTALLED)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m pytest -m quick -n 2 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m pytest $(PYTEST_ARGS)

test-colab: $(INSTALLED)
	@$(RUN) -m pytest tests/colab.py

# `pytest` alone does not collect tests/commands.py.
test-commands: $(INSTALLED)
	@$(RUN) -m pytest tests/commands.py -v --durations=0

test-kills: $(INSTALLED)
	@SEED="$(SEED)" $(RUN) -m pytest tests/kills.py -v -rP

fuzz: $(INSTALLED)
	@$(RUN) tests/fuzz.py --seed "$(SEED)" --files "$(FILES)"

results: $(INSTALLED)
	@$(RUN) -m book.evidence --minutes "$(MINUTES)" --jobs "$(JOBS)" $(if $(DATA_DIR),--data "$$DATA_DIR")

lab: $(INSTALLED)
	@$(RUN) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks \
	  $$(test "$$(id -u)" != 0 || echo --allow-root) $(LAB_ARGS)

strip: $(INSTALLED)
	@$(RUN) -m nbconvert --log-level WARN --clear-output --inplace notebooks/*.ipynb

bench: $(INSTALLED)
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(RUN) "$$script"; done

links: $(INSTALLED)
	@$(RUN) -c "from jupyter_book.cli.main import main; main()" build . --path-output _build/links --builder linkcheck

repository: $(INSTALLED)
	@$(RUN) -m book.repository "$$URL"

clean:
	rm -rf _build

# The stamp is written last, so an installation that was cut short is done again.
$(INSTALLED): pyproject.toml constraints.txt
	@set -e; \
	python=; seen=; \
	for candidate in $${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do \
	  found=$$("$$candidate" -c 'import sys; print("%d.%d.%d at %s" % (sys.version_info[:3] + (sys.executable,)))' 2>/dev/null) || continue; \
	  case $$found in \
	    3.11.[4-9]*|3.11.1[0-9]*|3.12.*|3.13.*) python=$$candidate; break;; \
	    *) seen="$${seen:+$$seen, }$$found";; \
	  esac; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11.4 to 3.13 is needed; found $${seen:-none}. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "Python $$found cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1048576) }'); \
	if [ "$$free" -lt "$$MIN_FREE_GB" ]; then \
	  echo "The disk has $$free GB free and $$MIN_FREE_GB GB are needed; free some space (or set MIN_FREE_GB)" >&2; exit 1; \
	fi; \
	echo "Installing into .venv with Python $$found"; \
	"$$python" -m venv .venv; \
	$(RUN) -m pip install --disable-pip-version-check -e '.[book,data,test,cluster]' -c constraints.txt; \
	touch $@
