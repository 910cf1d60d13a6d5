#!/usr/bin/env bash
# Makes the environment when it is missing or out of date, then runs a study, or the tests, in it.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

help() {
    cat <<'TEXT'
usage: ./run_all.sh [STUDY]            run the notebooks of a study and write its report
       ./run_all.sh --from-tables STUDY
                                       train nothing: the analysis only, on the tables in figures/STUDY
       ./run_all.sh --test [OPTION...] check the code and run the tests; options go to pytest
       ./run_all.sh --environment      only make the environment
       ./run_all.sh --help             show this text

STUDY is a name in params/ or the path of a YAML file:
  ./run_all.sh                    the study 'demo'
  ./run_all.sh smoke              the small one, to see that everything works
  ./run_all.sh params/mine.yaml   any other; params/README.md explains every key

What is finished is kept: the same call continues after an interruption, and repeats nothing that is up to date.
Notebooks, tables, figures and report.html go to results/STUDY/.

The first call makes the environment from requirements.lock: with conda, mamba or micromamba in .conda/ where one is
installed, else with pip and Python 3.11, 3.12 or 3.13 in .venv/. To open the notebooks, activate it and start JupyterLab:
  conda activate ./.conda   or   source .venv/bin/activate;   then   jupyter lab

Variables:
  WHENCE_ENVIRONMENT=pip|conda    choose between the two instead
  WHENCE_PYTHON=/path/to/python   use this interpreter's environment as it is; nothing is installed
TEXT
}

fail() {
    echo "error: $*" >&2
    exit 2
}

# The conda-like program to use, if any: one that is active (its shell hook exports a variable) or on PATH.
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

# What the environment is made of, and where: when this changes, it is made again.
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

# Makes folder $1 with the command that follows; it counts as made only when its last file, .made_from, is written.
make_environment() {
    local folder=$1 log
    shift
    echo "making the environment in ${folder#"$HERE"/}/ (once; a few minutes and about 2 GB, more where PyTorch brings GPU libraries) ..."
    rm -rf "$folder"
    log=$(mktemp "${TMPDIR:-/tmp}/whence-environment.XXXXXX")
    if ! "$@" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "the environment could not be made (all messages: $log); mend the cause above and call again"
    fi
    fingerprint >"$folder/.made_from"
    rm -f "$log"
    echo "environment ready"
}

# Sets PYTHON. Two first calls at once wait for each other where flock exists.
prepare_environment() {
    if [ -n "${WHENCE_PYTHON:-}" ]; then
        PYTHON=$(command -v "$WHENCE_PYTHON") || fail "WHENCE_PYTHON=$WHENCE_PYTHON is not a program"
        return
    fi
    local kind=${WHENCE_ENVIRONMENT:-} conda="" python="" folder
    case $kind in "" | pip | conda) ;; *) fail "WHENCE_ENVIRONMENT=$kind: choose pip or conda" ;; esac
    if [ "$kind" != pip ]; then conda=$(find_conda) || conda=""; fi
    if [ "$kind" = conda ] && [ -z "$conda" ]; then fail "no conda, mamba or micromamba found"; fi
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

main() {
    export PYTHONNOUSERSITE=1     # packages in the user's home must not shadow the pinned ones
    unset PYTHONDONTWRITEBYTECODE # else every kernel and worker would compile thousands of modules anew
    local only=
    case ${1:-} in
        -h | --help) help && exit 0 ;;
        --test | --environment) ;;
        --from-tables)
            if [ $# -ne 2 ]; then fail "--from-tables needs the name of one study"; fi
            shift && only=--from-tables
            ;;
        -*) fail "unknown option $1; ./run_all.sh --help lists them" ;;
        *) if [ $# -gt 1 ]; then fail "one study at a time; ./run_all.sh --help explains"; fi ;;
    esac
    local study=${1:-demo}
    # A relative path is meant from where the user stands.
    case $study in *.yaml | *.yml) if [ -f "$study" ]; then study=$(cd "$(dirname "$study")" && pwd -P)/$(basename "$study"); fi ;; esac
    cd "$HERE"
    prepare_environment
    case $study in
        --environment) ;;
        --test) shift && run_tests "$@" ;;
        *) exec "$PYTHON" -m lib.notebooks ${only:+"$only"} "$study" ;;
    esac
}

main "$@"
