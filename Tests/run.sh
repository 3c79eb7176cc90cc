#!/usr/bin/env bash
# Runs the tests.
#
#     Tests/run.sh                 the gate for every change: all parts but cost, store, connections and soak; long ones in their short form
#     Tests/run.sh PART...         only these parts, in full
#     Tests/run.sh api --update    writes the list of public declarations anew
#
#     lint      swift format --strict; every script parses
#     arrows    who may import whom (Tests/arrows.py); the tests that the table of threats names exist
#     unit      debug build with warnings as errors, all tests but the end-to-end ones
#     api       the public declarations are those of Tests/PublicAPI/symbols.txt
#     docs      every public declaration has a summary; the documentation builds without a warning
#     tsan      tests of the server, the stores and the session middleware under the thread sanitizer (.build-tsan)
#     e2e       IntegrationTests through real nginx, nginx/demo.sh --check
#     browser   real Chromium through nginx and TLS, near and over a slow line (skipped in the gate where chromium cannot be installed)
#     torture   processes that change the same session files, some of them killed (in full: 60 s, 8 x 8)
#     fuzz      multipart forms and ranges, generated and damaged, and beside Python's reading (in full: 10 000 000 each)
#     large     1 GiB through nginx and one worker in both directions, whole and as a form
#     thieves   honest browsers and thieves in virtual time (in full: 2 000 000 requests)
#     count     allocations per request and instructions per operation, each with its limit (Tests/Benchmarks/limits.txt)
#     reload    constant load while workers are replaced and killed
#     bench     requests per second and CPU time per request, in full beside other servers (Tests/Benchmarks/Peers)
#     cost      CPU time per request with each protection of the sessions on and off
#     store     session files beside bare C and PHP, on ext4 and tmpfs
#     connections  hundreds of clients, thousands of bad peers, a million requests, a crash loop
#     soak      ten minutes of mixed load: memory and descriptors of the workers stay flat
#
# There is one debug, one release and one sanitizer build, made once. In the gate, parts that measure nothing run beside
# one another. What the parts need is installed with apt. Every command has a deadline, and the whole has one
# (RUN_MINUTES, 80); no process is left behind. A test that fails beside others and passes three times alone is named as
# unsteady and counts as passed. The last line is `N passed, N failed`, summed over the parts; the exit
# status is 0 only if nothing failed. Logs are in .build/test-logs, with the seconds of each command in times.txt.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root" || exit 1

export PARANOID_STRICT=1 # warnings are errors, in every build: with another manifest everything would be built again
logs="$root/.build/test-logs"
mkdir -p "$logs"
work=$(mktemp -d)
exec 3>&1 # where sums are shown at once, also those of a lane
counts="$work/counts" # a line a count: passed, failed
: > "$counts"
: > "$logs/times.txt"
deadline=$((SECONDS + ${RUN_MINUTES:-80} * 60))
running=()

# Ends what a broken-off part left: its commands with their process groups, and processes that wrote down their number
# below the temporary directory.
end_running() {
    local pid
    for pid in ${running[@]+"${running[@]}"}; do kill -TERM "$pid" 2> /dev/null; done
    for pid in ${running[@]+"${running[@]}"}; do wait "$pid" 2> /dev/null; done
}
clean_up() {
    trap '' INT TERM
    end_running
    end_left_behind "$work"
    if [ -f "$work/remove" ]; then while IFS= read -r directory; do rm -rf "$directory"; done < "$work/remove"; fi
    rm -rf "$work"
}
end_left_behind() {
    local file pid
    while IFS= read -r file; do
        pid=$(head -c 20 "$file" | tr -cd '0-9')
        [ -n "$pid" ] && kill -TERM "$pid" 2> /dev/null && echo "run.sh: ended process $pid, left behind by ${file#"$work"/}"
    done < <(find "$1" -name '*.pid' 2> /dev/null)
    return 0
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# run NAME SECONDS COMMAND...: runs the command with a deadline, shows its output without the compiler's steps and keeps
# all of it in $logs/NAME.log.
run() {
    local name=$1 limit=$2 status began=$SECONDS left=$((deadline - SECONDS)) pid shower
    shift 2
    log="$logs/$name.log"
    : > "$log"
    if [ "$left" -lt 1 ]; then
        echo "run.sh: no time is left for $name" | tee "$log"
        return 124
    fi
    [ "$limit" -le "$left" ] || limit=$left
    timeout -k 20 "$limit" "$@" > "$log" 2>&1 < /dev/null &
    pid=$!
    tail -n +1 -f --pid="$pid" "$log" | grep --line-buffered -vE '^\[[0-9]+/[0-9]+\]|^◇|^(Fetch|Comput|Creating|Working copy|Updat|Build(ing)? )' &
    shower=$!
    running=("$pid" "$shower")
    wait "$pid"
    status=$?
    wait "$shower"
    running=()
    echo "$((SECONDS - began)) s: $name" >> "$logs/times.txt"
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
    echo "--- $4: $good passed, $bad failed" >&3
    echo "$good $bad" >> "$counts"
}

# swift_tests NAME SECONDS BUNDLE FILTER...: runs tests that are built and counts them from the report they write. The
# program is started itself, as `swift test` waits for whatever is being built.
swift_tests() {
    local name=$1 limit=$2 bundle=$3 status good=0 bad=0
    shift 3
    rm -f "$logs/$name.xml"
    run "$name" "$limit" ${preload[@]+env "${preload[@]}"} "$bundle" --testing-library swift-testing --xunit-output "$logs/$name.xml" "$@"
    status=$?
    if grep -q 'WARNING: ThreadSanitizer' "$log"; then status=66; fi
    read -r good bad < <(python3 Tests/xunit.py "$logs/$name.xml")
    if [ "$status" -eq 1 ] && [ "${bad:-0}" -ge 1 ] && [ "$bad" -le 3 ] && fail_only_beside_others "$name" "$bundle"; then
        good=$((good + bad)) bad=0 status=0
    fi
    count "${good:-0}" "${bad:-0}" "$status" "$name"
}
preload=()

# fail_only_beside_others NAME BUNDLE: whether each test that failed passes three times alone. Such a test is unsteady, which
# the last lines say: it asks for mending, and says nothing about the change that is tried.
fail_only_beside_others() {
    local test turn
    while IFS= read -r test; do
        for turn in 1 2 3; do
            run "$1-again" 300 ${preload[@]+env "${preload[@]}"} "$2" --testing-library swift-testing \
                --xunit-output "$logs/again.xml" --filter "$test" || return 1
            if grep -q 'WARNING: ThreadSanitizer' "$log"; then return 1; fi
            [ "$(python3 Tests/xunit.py "$logs/again.xml")" != "0 0" ] || return 1
        done
        echo "$test" >> "$work/unsteady"
    done < <(python3 Tests/xunit.py --failed "$logs/$1.xml")
    log="$logs/$1.log"
}

# The sums of a script's closing line.
count_closing_line() {
    local line
    line=$(grep -oE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    read -r good _ bad _ <<< "${line:-0 passed, 0 failed}"
    count "$good" "$bad" "$1" "$2"
}

need() {
    log="$logs/packages.log"
    # One after the other: apt takes a lock.
    flock "$work/apt.lock" timeout 600 "$root/nginx/packages.sh" "$@" > "$log" 2>&1 && return
    tail -n 3 "$log"
    count 0 0 1 "packages: $*"
    return 1
}

# MARK: Builds, each made once

# build KIND SECONDS COMMAND...: runs the build unless it was run before; other lanes wait for it.
build() {
    local kind=$1
    shift
    exec 8> "$work/build.$kind.lock"
    flock 8
    if [ ! -f "$work/build.$kind" ]; then
        run "build-$kind" "$@" 8>&-
        echo $? > "$work/build.$kind"
        [ "$(cat "$work/build.$kind")" -eq 0 ] || count 0 0 1 "build: $kind"
    fi
    exec 8>&-
    [ "$(cat "$work/build.$kind")" -eq 0 ]
}
build_debug() { need libfcgi-dev && build debug 1200 swift build --build-tests; }
build_release() {
    need libfcgi-dev && build release 1500 swift build -c release && export PARANOID_BIN_DIR="$root/.build/release"
}
# Only what runs under the sanitizer.
build_tsan() {
    need libfcgi-dev && build tsan 1500 bash -c '
        options="--sanitize=thread --scratch-path .build-tsan"
        swift build $options --product ParanoidFastCGIPackageTests && swift build $options --product store-stress'
}
bundle_of() { echo "$root/$1/debug/ParanoidFastCGIPackageTests.xctest"; }

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
    need python3 || return
    run arrows 120 python3 Tests/arrows.py
    count_closing_line $? arrows
    run threat-table 60 python3 Tests/threat-table.py
    count_closing_line $? "threat table"
}

part_unit() {
    need python3 && build_debug || return
    swift_tests unit 400 "$(bundle_of .build)" --skip IntegrationTests
}

part_api() {
    need python3 && build_debug || return
    run api 200 python3 Tests/PublicAPI/api.py "$@"
    count_closing_line $? api
}

part_docs() {
    need python3 && build_debug || return
    run docs 300 python3 Tests/PublicAPI/api.py --docs
    count_closing_line $? docs
}

part_tsan() {
    need python3 && build_tsan || return
    local status stage preload
    # What the sanitizer cannot see of Swift's Mutex is told to it by a library of ours.
    clang -O2 -shared -fPIC -o "$work/libtsan-mutex.so" Tests/tsan-mutex.c -ldl || { count 0 0 1 "tsan: helper"; return; }
    preload=(LD_PRELOAD="$work/libtsan-mutex.so" TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1)
    # One process after the other: tests that compute for minutes would starve those that wait for one another.
    for stage in 'FastCGIServerTests' 'SessionRepository|FileSessionStoreTests' 'ParanoidLinuxTests|ParanoidFastCGITests' 'MiddlewareTrace'; do
        swift_tests "tsan-${stage//[^A-Za-z]/}" 400 "$(bundle_of .build-tsan)" --filter "$stage"
    done
    run tsan-torture 300 env "${preload[@]}" .build-tsan/debug/store-stress torture "$(torture_directory)" 5 3 3 500
    status=$?
    if grep -q 'WARNING: ThreadSanitizer' "$log"; then status=66; fi
    count_closing_line "$status" "tsan: torture"
}

part_e2e() {
    need nginx curl openssl python3 && build_debug && build_release || return
    mkdir -p "$work/e2e"
    preload=(TMPDIR="$work/e2e")
    swift_tests e2e 700 "$(bundle_of .build)" --filter IntegrationTests
    preload=()
    end_left_behind "$work/e2e"
    run demo 300 nginx/demo.sh --check
    count_closing_line $? "demo.sh --check"
}

part_browser() {
    need nginx openssl python3 || return
    log="$logs/browser-packages.log"
    if ! flock "$work/apt.lock" timeout 600 "$root/nginx/packages.sh" chromium > "$log" 2>&1; then
        if [ "${1:-}" = --short ]; then
            echo "--- browser: skipped, chromium cannot be installed here"
        else
            count 0 0 1 "browser: chromium"
        fi
        return
    fi
    build_release || return
    mkdir -p "$work/browser"
    run browser 600 env TMPDIR="$work/browser" python3 Tests/Browser/browser.py "$@"
    count_closing_line $? browser
    run distance 600 env TMPDIR="$work/browser" python3 Tests/Browser/distance.py "$@"
    count_closing_line $? "browser: far away"
    end_left_behind "$work/browser"
}

part_torture() {
    build_release || return
    local seconds=60 processes=8 threads=8
    [ "${1:-}" != --short ] || { seconds=8 processes=4 threads=4; }
    run torture 600 "$PARANOID_BIN_DIR/store-stress" torture "$(torture_directory)" "$seconds" "$processes" "$threads"
    count_closing_line $? torture
}

part_fuzz() {
    need python3 && build_release || return
    local runs=10000000 parser
    [ "${1:-}" != --short ] || runs=200000
    for parser in multipart ranges; do
        run "fuzz-$parser" 1800 "$PARANOID_BIN_DIR/parser-fuzz" "$parser" "$runs"
        count_closing_line $? "fuzz: $parser"
    done
    run fuzz-python 300 python3 Tests/Conformance/multipart.py "$PARANOID_BIN_DIR/parser-fuzz"
    count_closing_line $? "fuzz: beside Python"
}

part_large() {
    need nginx curl openssl python3 && build_debug && build_release || return
    mkdir -p "$work/large"
    preload=(TMPDIR="$work/large" PARANOID_LARGE_BODIES=1)
    swift_tests large 1200 "$(bundle_of .build)" --filter IntegrationTests.Integration/LargeBodies
    preload=()
    end_left_behind "$work/large"
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
    need nginx && build_release || return
    mkdir -p "$work/thieves"
    run thieves 2400 "$PARANOID_BIN_DIR/theft-simulator" "$@"
    count_closing_line $? thieves
    run thieves-nginx 900 env TMPDIR="$work/thieves" Tests/thieves-nginx.sh "$@"
    count_closing_line $? "thieves: nginx"
    end_left_behind "$work/thieves"
}

part_cost() {
    build_release || return
    run cost 600 "$PARANOID_BIN_DIR/protection-cost" "$(torture_directory)" "$@"
    count_closing_line $? cost
}

part_count() {
    need nginx gcc python3 valgrind && build_release || return
    run count 600 python3 Tests/Benchmarks/count.py "$@"
    count_closing_line $? count
}

part_store() {
    build_release || return
    run store 1200 Tests/Benchmarks/store.sh "$@"
    count_closing_line $? store
}

part_reload() {
    need nginx curl openssl wrk && build_release || return
    mkdir -p "$work/reload"
    run reload 900 env TMPDIR="$work/reload" Tests/Benchmarks/reload.sh "$@"
    count_closing_line $? reload
    end_left_behind "$work/reload"
}

part_connections() {
    need nginx curl wrk gcc python3 && build_release || return
    run connections 1500 env TMPDIR="$work" Tests/Benchmarks/connections.sh "$@"
    count_closing_line $? connections
}

part_bench() {
    need nginx wrk python3 && build_release || return
    run bench 3600 python3 Tests/Benchmarks/bench.py "$@"
    count_closing_line $? bench
}

part_soak() {
    need nginx wrk python3 && build_release || return
    run soak 4500 python3 Tests/Benchmarks/soak.py "$@"
    count_closing_line $? soak
}

# MARK: Which parts

# lane NAME PART...: runs parts beside this script; what they say is shown when all of them have ended.
lanes=()
lane() {
    local name=$1 part
    shift
    (
        trap 'trap "" INT TERM; end_running; exit 130' INT TERM
        running=()
        for part in "$@"; do eval "part_$part"; done
    ) > "$work/lane.$name" 2>&1 &
    lanes+=("$! $name")
    running+=("$!")
}
join_lanes() {
    local each
    for each in "${lanes[@]}"; do
        wait "${each% *}"
        cat "$work/lane.${each#* }"
    done
    lanes=() running=()
}

gate() {
    # Two processors, two lanes of about the same length.
    lane one unit api docs e2e
    lane two lint arrows tsan 'torture --short' 'fuzz --short' 'thieves --short' 'browser --short'
    join_lanes
    # What measures has the machine for itself.
    part_count
    part_reload --short
    part_bench --short
}

if [ $# -eq 0 ]; then
    gate
elif [ "$*" = "api --update" ]; then
    part_api --update
else
    for part in "$@"; do
        declare -F "part_$part" > /dev/null || { sed -n '2,30s/^# \{0,1\}//p' "$0" >&2; echo "run.sh: no part is called $part" >&2; exit 2; }
    done
    for part in "$@"; do "part_$part"; done
fi

passed=0 failed=0
while read -r good bad; do passed=$((passed + good)) failed=$((failed + bad)); done < "$counts"
echo "$SECONDS s" >> "$logs/times.txt"
if [ -f "$work/unsteady" ]; then sort -u "$work/unsteady" | sed 's/\[.\/\]/./g; s/\\//g; s/^/unsteady, failed once and then passed three times alone: /'; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
