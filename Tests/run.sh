#!/usr/bin/env bash
# Runs the tests.
#
#     Tests/run.sh                 the gate for every change: lint, arrows, unit, tsan, e2e, and short forms of the others but cost, store and connections
#     Tests/run.sh PART...         only these parts
#
#     lint      swift format --strict; every script parses
#     arrows    who may import whom (Tests/arrows.py); the tests that the table of threats names exist
#     unit      debug build with warnings as errors, all tests but the end-to-end ones
#     tsan      tests of the server, the stores and the session middleware under the thread sanitizer (.build-tsan)
#     e2e       release build, IntegrationTests through real nginx, nginx/demo.sh --check
#     browser   real Chromium through nginx and TLS (skipped in the gate where chromium cannot be installed)
#     torture   processes that change the same session files, some of them killed (in full when it is named: 60 s, 8 x 8)
#     thieves   honest browsers and thieves in virtual time (in full when it is named: 2 000 000 requests)
#     cost      CPU time per request with each protection of the sessions on and off (not in the gate)
#     store     session files beside bare C and PHP, on ext4 and tmpfs
#     reload    constant load while workers are replaced and killed (in full when it is named)
#     connections  hundreds of clients, thousands of bad peers, a million requests, a crash loop (only when it is named)
#     bench     requests per second beside bare C libfcgi (in full when it is named)
#
# Installs with apt what the parts need. Every part ends by itself and leaves no process behind. The last line is
# `N passed, N failed`, summed over the parts; the exit status is 0 only if nothing failed. Logs are in .build/test-logs.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root" || exit 1

logs="$root/.build/test-logs"
mkdir -p "$logs"
work=$(mktemp -d)
passed=0 failed=0
running=''

# Ends what a broken-off part left: its command with the whole process group, and processes that wrote down their
# number below the part's temporary directory.
clean_up() {
    trap '' INT TERM
    if [ -n "$running" ]; then
        kill -TERM "$running" 2>/dev/null
        wait "$running" 2>/dev/null
    fi
    end_left_behind
    if [ -f "$work/remove" ]; then while IFS= read -r directory; do rm -rf "$directory"; done < "$work/remove"; fi
    rm -rf "$work"
}
end_left_behind() {
    local file pid
    while IFS= read -r file; do
        pid=$(head -c 20 "$file" | tr -cd '0-9')
        [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null && echo "run.sh: ended process $pid, left behind by ${file#"$work"/}"
    done < <(find "$work" -name '*.pid' 2>/dev/null)
    return 0
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# run NAME SECONDS COMMAND...: runs the command with a deadline, shows its output without the compiler's steps and keeps
# all of it in $logs/NAME.log.
run() {
    local name=$1 limit=$2 status
    shift 2
    log="$logs/$name.log"
    : > "$log"
    timeout -k 20 "$limit" "$@" > "$log" 2>&1 < /dev/null &
    running=$!
    tail -n +1 -f --pid="$running" "$log" | grep --line-buffered -vE '^\[[0-9]+/[0-9]+\]|^◇|^(Fetch|Comput|Creating|Working copy|Updat|Build(ing)? )'
    wait "$running"
    status=$?
    running=''
    [ "$status" -ne 124 ] || echo "run.sh: $name took more than $limit s and was ended"
    return "$status"
}

# count PASSED FAILED STATUS NAME: adds to the sums. A command that failed without saying which test counts as one failure.
count() {
    local good=$1 bad=$2
    if [ "$3" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "run.sh: $4 ended with status $3; see $log"
    fi
    if [ "$3" -eq 0 ] && [ "$good" -eq 0 ]; then
        bad=$((bad + 1))
        echo "run.sh: $4 ran nothing"
    fi
    echo "--- $4: $good passed, $bad failed"
    passed=$((passed + good)) failed=$((failed + bad))
}

# The sums of Swift Testing's output, or of a script's closing line.
count_tests() {
    count "$(grep -E '^✔ Test ' "$log" | grep -cvE '^✔ Test (run|case) ')" \
        "$(grep -E '^✘ Test .* failed after ' "$log" | grep -cvE '^✘ Test (run|case) ')" "$1" "$2"
}
count_closing_line() {
    local line
    line=$(grep -oE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    read -r good _ bad _ <<< "${line:-0 passed, 0 failed}"
    count "$good" "$bad" "$1" "$2"
}

need() { "$root/nginx/packages.sh" "$@" || { echo "0 passed, 1 failed"; exit 1; }; }

# MARK: Parts

part_lint() {
    local status files bad script
    run lint 300 swift format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests
    status=$?
    files=$(find Package.swift Sources Tests -name '*.swift' -not -path '*/.build/*' | wc -l)
    bad=$(grep -oE '^[^ :]+\.swift' "$log" | sort -u | wc -l)
    for script in nginx/*.sh Tests/*.sh Tests/*/*.sh .ci/run; do
        files=$((files + 1))
        bash -n "$script" || { bad=$((bad + 1)); status=1; }
    done
    count $((files - bad)) "$bad" "$status" lint
}

part_arrows() {
    need python3
    run arrows 120 python3 Tests/arrows.py
    count_closing_line $? arrows
    run threat-table 60 python3 Tests/threat-table.py
    count_closing_line $? "threat table"
}

build_tests() { run "$1" 1200 env PARANOID_STRICT=1 swift build --build-tests; }

part_unit() {
    need libfcgi-dev
    build_tests unit-build || { count 0 0 1 "unit: build"; return; }
    run unit 600 env PARANOID_STRICT=1 swift test --skip-build --disable-xctest --skip IntegrationTests
    count_tests $? unit
}

part_tsan() {
    need libfcgi-dev
    local status stage
    run tsan-build 1500 swift build --build-tests --sanitize=thread --scratch-path .build-tsan || { count 0 0 1 "tsan: build"; return; }
    # What the sanitizer cannot see of Swift's Mutex is told to it by a library of ours.
    clang -O2 -shared -fPIC -o "$work/libtsan-mutex.so" Tests/tsan-mutex.c -ldl || { count 0 0 1 "tsan: helper"; return; }
    # One process after the other: tests that compute for minutes would starve those that wait for one another.
    for stage in 'FastCGIServerTests' 'SessionRepository|FileSessionStoreTests' 'ParanoidLinuxTests|ParanoidFastCGITests' 'MiddlewareTrace'; do
        run "tsan-${stage//[^A-Za-z]/}" 600 env LD_PRELOAD="$work/libtsan-mutex.so" TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1 \
            swift test --skip-build --disable-xctest --sanitize=thread --scratch-path .build-tsan --filter "$stage"
        status=$?
        if grep -q 'WARNING: ThreadSanitizer' "$log"; then status=66; fi
        count_tests "$status" "tsan: $stage"
    done
    run tsan-torture 300 env LD_PRELOAD="$work/libtsan-mutex.so" TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1 \
        .build-tsan/debug/store-stress torture "$(torture_directory)" 5 3 3 500
    status=$?
    if grep -q 'WARNING: ThreadSanitizer' "$log"; then status=66; fi
    count_closing_line "$status" "tsan: torture"
}

part_e2e() {
    need libfcgi-dev nginx curl openssl
    local bin
    run e2e-release 1500 swift build -c release || { count 0 0 1 "e2e: release build"; return; }
    build_tests e2e-build || { count 0 0 1 "e2e: build of the tests"; return; }
    bin=$(swift build -c release --show-bin-path)
    mkdir -p "$work/e2e"
    run e2e 900 env PARANOID_STRICT=1 PARANOID_BIN_DIR="$bin" TMPDIR="$work/e2e" \
        swift test --skip-build --disable-xctest --filter IntegrationTests
    count_tests $? e2e
    end_left_behind
    run demo 300 nginx/demo.sh --check
    count_closing_line $? "demo.sh --check"
}

part_browser() {
    need libfcgi-dev nginx openssl python3
    local bin
    if ! "$root/nginx/packages.sh" chromium > "$logs/browser-packages.log" 2>&1; then
        if [ "${1:-}" = --short ]; then
            echo "--- browser: skipped, chromium cannot be installed here"
        else
            log="$logs/browser-packages.log"
            count 0 0 1 "browser: chromium"
        fi
        return
    fi
    build_release browser demo || return
    mkdir -p "$work/browser"
    run browser 600 env PARANOID_BIN_DIR="$bin" TMPDIR="$work/browser" python3 Tests/Browser/browser.py "$@"
    count_closing_line $? browser
    end_left_behind
}

# A release build of one program of the tests.
build_release() {
    run "$1-release" 1500 swift build -c release --product "$2" || { count 0 0 1 "$1: build"; return 1; }
    bin=$(swift build -c release --show-bin-path)
}

part_torture() {
    need libfcgi-dev
    local bin seconds=60 processes=8 threads=8
    [ "${1:-}" != --short ] || { seconds=8 processes=4 threads=4; }
    build_release torture store-stress || return
    run torture 600 "$bin/store-stress" torture "$(torture_directory)" "$seconds" "$processes" "$threads"
    count_closing_line $? torture
}

# In memory where there is enough: the disk is not what is tortured.
torture_directory() {
    local directory="$work/torture"
    if [ -w /dev/shm ]; then directory=$(mktemp -d /dev/shm/paranoid-torture-XXXXXX); fi
    mkdir -p "$directory"
    echo "$directory" >> "$work/remove"
    echo "$directory"
}

part_thieves() {
    need libfcgi-dev nginx
    local bin
    build_release thieves theft-simulator || return
    run thieves 1200 "$bin/theft-simulator" "$@"
    count_closing_line $? thieves
    build_release thieves-nginx trace-server || return
    run thieves-nginx 900 env PARANOID_BIN_DIR="$bin" TMPDIR="$work" Tests/thieves-nginx.sh "$@"
    count_closing_line $? "thieves: nginx"
}

part_cost() {
    local bin directory
    build_release cost protection-cost || return
    directory=$(torture_directory)
    run cost 600 "$bin/protection-cost" "$directory" "$@"
    count_closing_line $? cost
}

part_store() {
    run store 1200 Tests/Benchmarks/store.sh --build "$@"
    count_closing_line $? store
}

part_reload() {
    need libfcgi-dev nginx curl openssl wrk
    run reload-release 1500 swift build -c release --product demo || { count 0 0 1 "reload: build"; return; }
    run reload 900 env TMPDIR="$work" Tests/Benchmarks/reload.sh "$@"
    count_closing_line $? reload
    end_left_behind
}

part_connections() {
    need libfcgi-dev nginx curl wrk gcc python3
    run connections-release 1500 swift build -c release --product demo || { count 0 0 1 "connections: build"; return; }
    run connections 1500 env TMPDIR="$work" Tests/Benchmarks/connections.sh "$@"
    count_closing_line $? connections
}

part_bench() {
    need libfcgi-dev nginx curl wrk gcc
    run bench-release 1500 swift build -c release --product demo || { count 0 0 1 "bench: build"; return; }
    run bench 600 Tests/Benchmarks/bench.sh "$@"
    count_closing_line $? bench
}

# MARK: Which parts

if [ $# -eq 0 ]; then
    part_lint
    part_arrows
    part_unit
    part_tsan
    part_e2e
    part_browser --short
    part_torture --short
    part_thieves --short
    part_reload --short
    part_bench --short
else
    for part in "$@"; do
        declare -F "part_$part" >/dev/null || { sed -n '2,21s/^# \{0,1\}//p' "$0" >&2; echo "run.sh: no part is called $part" >&2; exit 2; }
    done
    for part in "$@"; do "part_$part"; done
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
