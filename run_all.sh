#!/usr/bin/env bash
# Makes the environment if it is missing or out of date, then runs a study or the tests in it.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

help() {
    cat <<'TEXT'
usage: ./run_all.sh [STUDY]             run the notebooks of a study and write its report
       ./run_all.sh --published STUDY   the same from the published runs, without training (about 2 minutes)
       ./run_all.sh --predict FOLDER TABLE [OUTPUT] [--text NAME]
                                        predict the texts of TABLE with the models that a study exported;
                                        FOLDER is its results folder, such as results/mine
       ./run_all.sh --test [OPTION...]  check the code and run the tests; options go to pytest
       ./run_all.sh --environment       only make the environment
       ./run_all.sh --help              show this text

STUDY is the name of a file in params/ or the path of a YAML file. The default is demo.
  ./run_all.sh --published demo   a first real result: the default study, from its published runs
  ./run_all.sh smoke              the small study, which shows in 2 minutes that everything works
  ./run_all.sh                    the default study, trained here (about 40 minutes on two cores)
  ./run_all.sh params/mine.yaml   a study of your own; params/README.md explains every key

Notebooks, tables, figures and report.html go to results/STUDY/. Its folder site/ shows them all without Jupyter or a
network; start at index.html. After an interruption the same call continues, and finished work is not repeated.
--published needs the folder figures/STUDY. If it holds no runs.zip, only those notebooks run that need nothing but
tables.

The first call makes the environment from requirements.lock: in .conda/ where conda, mamba or micromamba is installed,
else in .venv/ with pip and Python 3.11, 3.12 or 3.13. To open the notebooks, activate the environment and start
JupyterLab:
  conda activate ./.conda   or   source .venv/bin/activate
  jupyter lab

Variables:
  WHENCE_ENVIRONMENT=pip|conda    make the environment with the one or the other
  WHENCE_PYTHON=/path/to/python   use the environment of this Python; nothing is installed
TEXT
}

fail() {
    echo "error: $*" >&2
    exit 2
}

# The conda-like program to use, if any: an active one (its shell hook exports a variable) or one on PATH.
find_conda() {
    local candidate
    for candidate in "${MAMBA_EXE:-}" micromamba mamba "${CONDA_EXE:-}" conda; do
        if [ -n "$candidate" ] && command -v "$candidate"; then return 0; fi
    done
    return 1
}

find_python() {
    local candidate
    for candidate in python3 python3.11 python3.12 python3.13 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# What the environment is made of, and where. When this changes, the environment is made again.
fingerprint() {
    cat requirements.lock environment.yml | cksum
    echo "$HERE"
}

is_current() {
    [ -x "$1/bin/python" ] && [ "$(cat "$1/.made_from" 2>/dev/null)" = "$(fingerprint)" ]
}

make_with_conda() {
    local conda=$1 create=(env create)
    if [[ $(basename "$conda") == micromamba* ]]; then create=(create --yes); fi
    CONDA_ALWAYS_YES=1 MAMBA_ALWAYS_YES=1 "$conda" "${create[@]}" --prefix "$HERE/.conda" --file environment.yml
}

make_with_pip() {
    local python=$1
    "$python" -m venv "$HERE/.venv" &&
        "$HERE/.venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-compile \
            --requirement requirements.lock --editable .
}

# Makes the environment in folder $1 with the command that follows. Its last file, .made_from, says that it is complete.
make_environment() {
    local folder=$1 log
    shift
    echo "making the environment in ${folder#"$HERE"/}/ (once; a few minutes and about 2 GB, more where PyTorch brings GPU libraries) ..."
    rm -rf "$folder"
    log=$(mktemp "${TMPDIR:-/tmp}/whence-environment.XXXXXX")
    if ! "$@" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "the environment could not be made; the cause is above, all messages are in $log; remove the cause and call again"
    fi
    fingerprint >"$folder/.made_from"
    rm -f "$log"
    echo "environment ready"
}

# Sets PYTHON. Where flock exists, only one of several calls makes the environment; the others wait.
prepare_environment() {
    if [ -n "${WHENCE_PYTHON:-}" ]; then
        PYTHON=$(command -v "$WHENCE_PYTHON") || fail "WHENCE_PYTHON=$WHENCE_PYTHON is not a program; give the path of a Python"
        return
    fi
    local kind=${WHENCE_ENVIRONMENT:-} conda="" python="" folder
    case $kind in "" | pip | conda) ;; *) fail "WHENCE_ENVIRONMENT=$kind: choose pip or conda" ;; esac
    if [ "$kind" != pip ]; then conda=$(find_conda) || conda=""; fi
    if [ "$kind" = conda ] && [ -z "$conda" ]; then fail "no conda, mamba or micromamba found; install one, or choose WHENCE_ENVIRONMENT=pip"; fi
    folder=$HERE/$([ -n "$conda" ] && echo .conda || echo .venv)
    PYTHON=$folder/bin/python
    if is_current "$folder"; then return; fi
    if [ -z "$conda" ]; then
        python=$(find_python) || fail "Python 3.11, 3.12 or 3.13 is needed, found $(python3 --version 2>&1 | head -n 1); install one, or conda"
    fi
    (
        if command -v flock >/dev/null; then flock 9; fi
        if is_current "$folder"; then exit 0; fi
        if [ -n "$conda" ]; then
            make_environment "$folder" make_with_conda "$conda"
        else
            make_environment "$folder" make_with_pip "$python"
        fi
    ) 9<requirements.lock
}

run_tests() {
    "$PYTHON" -m ruff check .
    "$PYTHON" -m ruff format --check --quiet .
    "$PYTHON" -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo
    exec "$PYTHON" -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
}

# Predicts from the caller's folder, whose files the arguments name; -P keeps that folder's modules out.
predict() {
    local caller=$PWD
    cd "$HERE"
    prepare_environment
    cd "$caller"
    PYTHONPATH=$HERE${PYTHONPATH:+:$PYTHONPATH} exec "$PYTHON" -P -m lib.predict "$@"
}

main() {
    export PYTHONNOUSERSITE=1     # packages in the user's home must not shadow the pinned ones
    unset PYTHONDONTWRITEBYTECODE # else every kernel and worker would compile thousands of modules anew
    local published=
    case ${1:-} in
        -h | --help) help && exit 0 ;;
        --test | --environment) ;;
        --predict) shift && predict "$@" ;;
        --published)
            if [ $# -ne 2 ]; then fail "--published needs the name of one study"; fi
            shift && published=--published
            ;;
        -*) fail "unknown option $1; ./run_all.sh --help lists them" ;;
        *) if [ $# -gt 1 ]; then fail "one study at a time; ./run_all.sh --help shows the usage"; fi ;;
    esac
    local study=${1:-demo}
    # A relative path starts from the folder of the caller.
    case $study in *.yaml | *.yml) if [ -f "$study" ]; then study=$(cd "$(dirname "$study")" && pwd -P)/$(basename "$study"); fi ;; esac
    cd "$HERE"
    prepare_environment
    case $study in
        --environment) ;;
        --test) shift && run_tests "$@" ;;
        *) exec "$PYTHON" -m lib.notebooks ${published:+"$published"} "$study" ;;
    esac
}

main "$@"
