#!/usr/bin/env bash
# Measures this engine and npm koncorde 4.7.0 one after the other on the same filters and documents, each on one core, and prints a
# table of Markdown. Needs Node and npm; the package is installed under the target directory.
# usage: compare.sh [KINDS] [SIZES] [SECONDS], the lists separated by commas
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
kinds="${1:-equals,in,exists_value,range_narrow,range_wide,regexp,geo_distance,geo_polygon,geo_box,mixed_and,mixed_or_not}"
sizes="${2:-1000,10000,100000}"
seconds="${3:-2}"
work="${CARGO_TARGET_DIR:-$here/../../../target}/koncorde"

mkdir -p "$work/data"
if [ ! -e "$work/node_modules/koncorde" ]; then
    cp "$here/koncorde/package.json" "$work/"
    (cd "$work" && npm install --no-audit --no-fund >&2)
fi
cd "$here/.."
bench="$(cargo bench -p matching --bench match --no-run --message-format=json 2>/dev/null | grep -o '"executable":"[^"]*/match-[^"]*"' | tail -1 | cut -d'"' -f4)"

lines="$work/lines.jsonl"
: > "$lines"
for kind in ${kinds//,/ }; do
    for size in ${sizes//,/ }; do
        "$bench" generate "$kind" "$size" "$work/data"
        "$bench" run "$kind" "$size" "$seconds" | tee -a "$lines" >&2
        (cd "$work" && node --expose-gc --max-old-space-size=8192 "$here/koncorde/measure.js" "$kind" "$work/data" "$seconds") | tee -a "$lines" >&2
    done
done
node "$here/koncorde/report.js" "$lines"
