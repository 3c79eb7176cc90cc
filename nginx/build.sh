#!/usr/bin/env bash
# Builds programs of this package as they are deployed: nginx/build.sh [PRODUCT...], all of them without an argument.
#
# Optimising across modules makes a request that changes its session cost a fifth less. Swift's libraries are linked in where the toolchain has
# them in that form; the programs are in .build/release.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
options=(--package-path "$root" -c release -Xswiftc -cross-module-optimization)
resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
if [ -d "${resources}_static/linux" ]; then options+=(--static-swift-stdlib); fi
if [ $# -eq 0 ]; then swift build "${options[@]}"; fi
for product in "$@"; do swift build "${options[@]}" --product "$product"; done
