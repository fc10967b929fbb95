#!/usr/bin/env bash
# Install Epilake into the virtual environment $1. Says in one sentence what is missing and how to get it.
set -euo pipefail
venv=$1

fail() {
    echo "Error: $*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or 3.12 was not found: install one (Debian: apt-get install python3 python3-venv), or name it with PYTHON=…"
}

check_java() {
    local java=${JAVA_HOME:+$JAVA_HOME/bin/}java version
    version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || true
    case "$version" in
        17 | 21) return ;;
        "") version="no Java" ;;
        *) version="Java $version" ;;
    esac
    fail "Java 17 or 21 is needed and $version was found: install one (Debian: apt-get install openjdk-17-jre-headless), or point JAVA_HOME at one."
}

python=$(find_python)
check_java
echo "Installing into $venv (once; a few minutes)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || fail "$python could not make a virtual environment: install its venv module (Debian: apt-get install python3-venv)."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
"$venv/bin/epilake" setup
