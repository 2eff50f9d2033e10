#!/usr/bin/env bash
# Fetches with Maven the jars of Beam's job servers for Flink and Spark into FOLDER/flink and
# FOLDER/spark, where they are not there yet. Without Maven it says so and leaves it at that: the
# tests that need them are skipped then, and say that they are (in CI they fail).
set -euo pipefail
folder=$(realpath --canonicalize-missing "$1")
poms=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/job_servers

for pom in "$poms"/*.xml; do
  target=$folder/$(basename "$pom" .xml)
  if cmp --silent "$pom" "$target/pom.xml"; then
    continue
  fi
  if ! command -v mvn > /dev/null; then
    echo "no mvn here: tests on $(basename "$pom" .xml) are skipped" >&2
    continue
  fi
  rm -rf "$target"
  # where the pom lies there all jars do
  mkdir -p "$target.new"
  mvn --quiet --batch-mode --file "$pom" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$target.new" < /dev/null
  cp "$pom" "$target.new/pom.xml"
  mv "$target.new" "$target"
done
