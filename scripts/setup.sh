#!/usr/bin/env bash
# setup.sh run|docs|dev: make .venv and install the package with what it needs; nothing is done twice.
#   run   the package alone     docs  and what builds the documentation     dev  and what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-run}
venv=.venv; log=$venv/setup.log

say()  { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
case $mode in run) extra= takes="2 to 4 minutes";; docs) extra="[docs]" takes="2 to 4 minutes";; dev) extra="[dev]" takes="2 to 5 minutes";;
    *) fail "setup.sh takes run, docs or dev. Received: $mode";; esac

# What was installed is noted with what was asked for: settings, Python, place, and the lab extension, which is copied
stamp() { cat settings.ini setup.py pyproject.toml labextension/*.json labextension/static/*; pwd; "$venv/bin/python" -c 'import sys; print(sys.version)'; }
wanted() { stamp | cksum; }
installed() { [ -x "$venv/bin/python" ] && local now m && now=$(wanted 2>/dev/null) && for m in "$@"; do
    [ "$(cat "$venv/.installed-$m" 2>/dev/null)" = "$now" ] && return 0; done; return 1; }

is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() { # quietly; the reason of a failure is in the log
    say "Installing $* with apt-get (about a minute) …"
    { DEBIAN_FRONTEND=noninteractive apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
        >>"${apt_log:=$(mktemp)}" 2>&1 </dev/null || { say "apt-get failed; its last line: $(grep -v '^$' "$apt_log" | tail -1)"; return 1; }
}

find_python() { # the first of the usual names that is Python 3.11, 3.12 or 3.13
    local p
    for p in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
        command -v "$p" >/dev/null && "$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && { echo "$p"; return; }
    done
    return 1
}

make_venv() {
    local py version
    py=$(find_python) || fail "mmfuse_nb needs Python 3.11, 3.12 or 3.13, and none was found ($(command -v python3 >/dev/null && python3 --version 2>&1 || echo "there is no python3")). Debian and Ubuntu: sudo apt-get install python3.11 python3.11-venv. Elsewhere: make … PYTHON=/path/to/python3.11"
    version=$("$py" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "Making $venv with Python $version …"
    if ! "$py" -c 'import venv, ensurepip' 2>/dev/null; then
        is_root && apt_install "python$version-venv" || fail "Python $version has no venv module. Debian and Ubuntu: sudo apt-get install python$version-venv"
    fi
    rm -rf "$venv"
    "$py" -m venv "$venv" >/dev/null || fail "no virtual environment could be made in $PWD/$venv; is the folder writable and the disk not full?"
}

progress() { # one line that moves on a terminal, a line every 20 seconds elsewhere
    local start=$SECONDS pid=$1 found line shown=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        found=$(grep -c '^ *Collecting' "$log" 2>/dev/null || true)
        line="  $((SECONDS - start)) s"
        if [ "${found:-0}" -gt 0 ]; then line="$line, $found packages found"; fi
        grep -q '^Installing collected' "$log" 2>/dev/null && line="$line, unpacking them"
        if [ -t 2 ]; then printf '\r\033[K%s' "$line" >&2
        elif [ $((SECONDS - start - shown)) -ge 20 ]; then shown=$((SECONDS - start)); say "$line"; fi
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

install() {
    say "Installing the package and what it needs into $venv (TensorFlow, JupyterLab …: usually $takes) …"
    local start=$SECONDS pid
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input -e ".$extra" >"$log" 2>&1 </dev/null &
    pid=$!
    progress $pid
    wait $pid || { grep '^ *ERROR' "$log" | head -3 >&2; fail "pip could not install the package; all it said is in $log"; }
    say "Installed in $((SECONDS - start)) s."
    wanted >"$venv/.installed-$mode"
}

"$venv/bin/python" -c 'import pip' >/dev/null 2>&1 || make_venv
mkdir -p "$venv/home"
case $mode in run) modes="run docs dev";; docs) modes="docs dev";; dev) modes=dev;; esac
installed $modes || install

# The browser tests drive Debian's Chromium
if [ "$mode" = dev ] && [ -z "${MMFUSE_CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
    { is_root && apt_install chromium; } || say "The browser tests need Chromium (sudo apt-get install chromium, or set MMFUSE_CHROMIUM=/path/to/it); they are skipped until it is there."
fi
