#!/usr/bin/env bash
# Installs with apt the programs that the tests start, where they are missing: database servers, a
# browser with its fonts, and Java with Maven for Flink and Spark. Where there is no apt, or no right
# to use it, it says so and leaves well alone: the tests that need the programs are skipped then, and
# say that they are; in CI they fail.
set -euo pipefail

# a file that comes with each, and its package
fonts=/usr/share/fonts/truetype
missing=()
[[ -x /usr/sbin/mariadbd ]] || missing+=(mariadb-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || missing+=(postgresql)
[[ -x /usr/bin/chromium ]] || missing+=(chromium)
[[ -e $fonts/dejavu/DejaVuSans.ttf ]] || missing+=(fonts-dejavu-core)
compgen -G "$fonts/liberation*/LiberationSans-Regular.ttf" > /dev/null || missing+=(fonts-liberation)
command -v java > /dev/null || missing+=(default-jre-headless)
command -v mvn > /dev/null || missing+=(maven)
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

if ! command -v apt-get > /dev/null; then
  echo "no apt-get here: tests with ${missing[*]} are skipped" >&2
  exit 0
fi
as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! sudo -n true 2> /dev/null; then
    echo "neither root nor sudo without a password: tests with ${missing[*]} are skipped" >&2
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
