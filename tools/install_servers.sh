#!/usr/bin/env bash
# Installs with apt the database servers that the tests start, where they are missing. Where there
# is no apt, or no right to use it, it says so and leaves well alone: the tests that need the
# servers are skipped then, and say that they are.
set -euo pipefail

# a file that comes with each server, and its package
missing=()
[[ -x /usr/sbin/mariadbd ]] || missing+=(mariadb-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || missing+=(postgresql)
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

if ! command -v apt-get > /dev/null; then
  echo "no apt-get here: tests on ${missing[*]} are skipped" >&2
  exit 0
fi
as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! sudo -n true 2> /dev/null; then
    echo "neither root nor sudo without a password: tests on ${missing[*]} are skipped" >&2
    exit 0
  fi
  as_root=(sudo -n)
fi

# the tests start servers of their own; Debian's scripts need not start theirs
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
