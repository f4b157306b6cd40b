# shellcheck shell=bash
# Makes .venv and installs what is locked, if that is not done yet. Sourced by the commands in ops,
# in the folder of the checkout; understood by bash 3.2, which macOS has.

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Prints the first Python that can make our .venv.
find_python() {
    local name old="" bare=""
    for name in python3.13 python3.12 python3.11 python3; do
        "$name" -c '' 2>/dev/null || continue
        if ! "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            old="$name"
        elif ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            bare="${bare:-$name}"
        else
            printf '%s\n' "$name"
            return
        fi
    done
    if [ -n "$bare" ]; then
        die "$bare has no venv module: install it (Debian, Ubuntu: apt install $bare-venv) and run this again."
    elif [ -n "$old" ]; then
        die "Whispr needs Python 3.11 or newer, but $old is $("$old" -c 'import platform; print(platform.python_version())'): install Python 3.13 and run this again."
    fi
    die "Whispr needs Python 3.11 or newer, and no python3 was found: install Python 3.13 and run this again."
}

# make_venv VENV: makes it usable: an absent, broken, half-made, too old or moved one is made anew.
make_venv() {
    local venv="$1" home="$1/.made-in" python said
    if [ -f "$home" ] && [ "$(cat "$home")" != "$PWD" ]; then
        : # moved here from elsewhere: its scripts point there
    elif "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        return
    fi
    python="$(find_python)" || exit 1
    if ! said="$("$python" -m venv --clear "$venv" 2>&1)"; then
        die "$python cannot make $venv in $PWD: ${said##*$'\n'}; make room or get write permission and run this again."
    fi
    pwd >"$home"
}

# install LOCK [VENV]: installs the locked versions, unless just that is installed. In .venv, which
# it is where no other is named, Whispr itself too.
install() {
    local lock="$1" venv="${2:-.venv}"
    local log="$venv/install.log" stamp="$venv/.installed-${lock##*/}" wanted
    wanted="$PWD $(cat pyproject.toml "$lock" | cksum)"
    make_venv "$venv"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    rm -f "$stamp"
    printf 'Installing into %s (a minute or two, only when something changed) …\n' "$venv" >&2
    if ! { install_locked && install_whispr; } >"$log" 2>&1; then
        die "$(why_not "$log")"
    fi
    printf '%s\n' "$wanted" >"$stamp"
}

# Both are parts of install, whose lock and venv they see.
install_locked() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$lock"
}

install_whispr() {
    if [ "$venv" = .venv ]; then
        # setuptools is in the lock, so that what builds Whispr is locked too.
        .venv/bin/python -m pip install --disable-pip-version-check --no-index --no-deps \
            --no-build-isolation -e .
    fi
}

# why_not LOG: prints one sentence with the remedy.
why_not() {
    if grep -qiE 'connection|resolution|timed out|proxy|unreachable|certificate|from versions: none' "$1"; then
        printf 'The package index cannot be reached: connect this machine to the network (or name your mirror in PIP_INDEX_URL) and run this again; what pip said is in %s.' "$1"
    elif grep -qi 'no space left' "$1"; then
        printf 'The disk is full: Whispr needs about 1 GB for .venv; make room and run this again.'
    elif grep -qiE 'no matching distribution|not a supported wheel' "$1"; then
        printf 'A package Whispr needs has no build for this Python and machine: use Python 3.11 to 3.13 on Linux or a Mac with Apple silicon; what pip said is in %s.' "$1"
    else
        printf 'Installing failed: %s; all that pip said is in %s.' "$(tail -n 1 "$1")" "$1"
    fi
}
