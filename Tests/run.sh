#!/usr/bin/env bash
# Runs the tests.
#
#     Tests/run.sh                 the gate for every change: all parts but examples, cost, store, redis, redis-faults, redis-bench, connections, package, story and soak; long ones in their short form
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
#     fuzz      multipart forms and ranges: kept corpora, generated and damaged ones (in full: 10 000 000 each), forms beside Python's
#               reading, ranges beside nginx's answers
#     examples  the examples that are packages of their own: built with what they depend on, and tested (needs a network)
#     large     1 GiB through nginx and one worker in both directions, whole and as a form, and beside PHP-FPM and Go
#     thieves   honest browsers and thieves in virtual time (in full: 2 000 000 requests)
#     count     allocations per request and instructions per operation, each with its limit (Tests/Benchmarks/limits.txt); without the trait
#               Redis nothing of it is in the programs, and its files compile to nothing
#     reload    constant load while workers are replaced and killed
#     bench     requests per second and CPU time per request, in full beside other servers (Tests/Benchmarks/Peers)
#     cost      CPU time per request with each protection of the sessions on and off
#     store     session files beside bare C and PHP, on ext4 and tmpfs
#     redis     the trait Redis: its build (.build-redis), and the tests of the store in Redis with servers of their own, also behind TLS
#     redis-faults  applications on three hosts of a network of their own, whose Redis dies, hangs and is cut off under load, six minutes (as root)
#     redis-bench  sessions in Redis beside files and PHP: requests, processor time, lost changes, memory for each session
#     connections  hundreds of clients, thousands of bad peers, a million requests, a crash loop
#     package   a Debian package is installed, upgraded under load, restarted and removed under a systemd that boots for it; the container images are
#               made and run as an engine would (as root)
#     story     what an operator meets, found with the tool and the logs alone: a slow handler, a stuck worker, a crash, a thief, a full disk
#     soak      ten minutes of mixed load: memory and descriptors of the workers stay flat
#
# There is one debug, one release and one sanitizer build, made once. In the gate, parts that measure nothing run beside
# one another. What the parts need is installed with apt. Every command has a deadline, and the whole has one
# (RUN_MINUTES, 80); no process is left behind. A test that fails beside others and passes three times alone, and a
# script with real clocks that passes the second time, are named as unsteady and count as passed. What failed is told
# once more at the end. The last line is `N passed, N failed`, summed over the parts; the exit status is 0 only if nothing
# failed. Logs are in .build/test-logs, with the seconds of each command in times.txt.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root" || exit 1
. Tests/runner.sh

# MARK: Parts

part_lint() {
    need python3 || return
    local status files bad script
    run lint 600 swift format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests
    status=$?
    files=$(find Package.swift Sources Tests -name '*.swift' -not -path '*/.build/*' | wc -l)
    bad=$(grep -oE '^[^ :]+\.swift' "$log" | sort -u | wc -l)
    for script in nginx/*.sh Tests/*.sh Tests/*/*.sh .ci/run; do
        files=$((files + 1))
        bash -n "$script" || { bad=$((bad + 1)); status=1; }
    done
    for script in Tests/xunit.py Tests/failures.py; do
        files=$((files + 1))
        python3 -m doctest "$script" || { bad=$((bad + 1)); status=1; }
    done
    count $((files - bad)) "$bad" "$status" lint
}

part_arrows() {
    need python3 || return
    run arrows 300 python3 Tests/arrows.py
    count_closing_line $? arrows
    run threat-table 60 python3 Tests/threat-table.py
    count_closing_line $? "threat table"
}

part_unit() {
    need python3 && build_debug || return
    swift_tests unit 900 "$(bundle_of .build)" --skip IntegrationTests
}

part_api() {
    need python3 && build_debug || return
    run api 600 python3 Tests/PublicAPI/api.py "$@"
    count_closing_line $? api
}

part_docs() {
    need python3 && build_debug || return
    run docs 600 python3 Tests/PublicAPI/api.py --docs
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
        swift_tests "tsan-${stage//[^A-Za-z]/}" 900 "$(bundle_of .build-tsan)" --filter "$stage"
    done
    run tsan-torture 600 env "${preload[@]}" .build-tsan/debug/store-stress torture "$(torture_directory)" 5 3 3 500
    status=$?
    if grep -q 'WARNING: ThreadSanitizer' "$log"; then status=66; fi
    count_closing_line "$status" "tsan: torture"
}

# Other web servers, PHP-FPM and what reads metrics; a test whose program cannot be had here is left out. Where a service manager runs, their
# installation would start them.
others() {
    local each packages=(apache2-bin python3-prometheus-client)
    [ -d /run/systemd/system ] || packages+=(lighttpd lighttpd-mod-openssl haproxy caddy php-fpm prometheus)
    for each in "${packages[@]}"; do
        flock "$work/apt.lock" timeout 300 "$root/nginx/packages.sh" "$each" > "$logs/others.log" 2>&1 \
            || echo "--- e2e: without $each, which cannot be installed here"
    done
}

part_e2e() {
    need nginx curl openssl python3 && build_debug && build_release || return
    others
    mkdir -p "$work/e2e"
    preload=(TMPDIR="$work/e2e")
    swift_tests e2e 1200 "$(bundle_of .build)" --filter IntegrationTests
    preload=()
    end_left_behind "$work/e2e"
    script demo 600 "demo.sh --check" nginx/demo.sh --check
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
    script browser 600 browser env TMPDIR="$work/browser" python3 Tests/Browser/browser.py "$@"
    script browser-examples 300 "browser: examples" env TMPDIR="$work/browser" python3 Tests/Browser/examples.py
    script distance 600 "browser: far away" env TMPDIR="$work/browser" python3 Tests/Browser/distance.py "$@"
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
    need nginx python3 && build_release || return
    local runs=10000000 parser corpus
    [ "${1:-}" != --short ] || runs=200000
    for parser in multipart ranges; do
        corpus=Tests/ParserFuzz/Corpora/$parser.txt
        run "fuzz-$parser-corpus" 300 "$PARANOID_BIN_DIR/parser-fuzz" replay "$parser" "$corpus"
        count_closing_line $? "fuzz: corpus of $parser"
        run "fuzz-$parser" 1800 "$PARANOID_BIN_DIR/parser-fuzz" "$parser" "$runs" 1 "$corpus"
        count_closing_line $? "fuzz: $parser"
    done
    run fuzz-python 600 python3 Tests/Conformance/multipart.py "$PARANOID_BIN_DIR/parser-fuzz"
    count_closing_line $? "fuzz: beside Python"
    script fuzz-nginx 600 "fuzz: beside nginx" python3 Tests/Conformance/ranges.py "$PARANOID_BIN_DIR/stress-server"
}

part_large() {
    need nginx curl openssl python3 && build_debug && build_release || return
    mkdir -p "$work/large"
    preload=(TMPDIR="$work/large" PARANOID_LARGE_BODIES=1)
    swift_tests large 1200 "$(bundle_of .build)" --filter IntegrationTests.Integration/LargeBodies
    preload=()
    run bodies 1800 python3 Tests/Benchmarks/bodies.py
    count_closing_line $? "large: beside others"
    end_left_behind "$work/large"
}

part_examples() {
    need libfcgi-dev libsqlite3-dev || return
    local name status
    for name in Notes; do
        run "example-$name" 1500 swift test --package-path "Sources/Examples/$name" --scratch-path ".build-examples/$name" --disable-xctest
        status=$?
        count "$(grep -c '^✔ Test ".*passed' "$log")" "$(grep -c '^✘ Test ".*failed' "$log")" "$status" "example: $name"
    done
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
    script thieves-nginx 900 "thieves: nginx" env TMPDIR="$work/thieves" Tests/thieves-nginx.sh "$@"
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
    run without-redis 300 python3 Tests/trait.py without "$PARANOID_BIN_DIR"
    count_closing_line $? "count: without Redis"
}

part_store() {
    build_release || return
    run store 1200 Tests/Benchmarks/store.sh "$@"
    count_closing_line $? store
}

# Where a service manager runs, the installation of redis-server would start it.
part_redis() {
    need openssl stunnel4 && build_redis || return
    run with-redis 300 python3 Tests/trait.py with .build-redis/debug
    count_closing_line $? "redis: the trait"
    swift_tests redis 900 "$(bundle_of .build-redis)" --filter 'RedisSessionStoreTests|ParanoidFastCGITests.ConfigurationTests'
    redis_faults redis-faults-short 900 --short
}
part_redis_faults() {
    build_redis || return
    redis_faults redis-faults 2400
}
build_redis() {
    need python3 libfcgi-dev libhiredis-dev redis-server && build redis 2400 swift build --traits Redis --scratch-path .build-redis --build-tests
}
redis_faults() {
    local name=$1 limit=$2
    shift 2
    need iproute2 nginx redis-tools || return
    run "$name" "$limit" env PARANOID_BIN_DIR="$root/.build-redis/debug" python3 Tests/RedisFaults/faults.py "$@"
    count_closing_line $? "$name"
}

part_redis_bench() {
    need nginx gcc python3 libfcgi-dev libhiredis-dev redis-server || return
    run redis-bench 3600 python3 Tests/Benchmarks/redis.py --build "$@"
    count_closing_line $? redis-bench
}

part_reload() {
    need nginx curl openssl wrk && build_release || return
    mkdir -p "$work/reload"
    script reload 900 reload env TMPDIR="$work/reload" Tests/Benchmarks/reload.sh "$@"
    end_left_behind "$work/reload"
}

part_connections() {
    need nginx curl wrk gcc python3 && build_release || return
    run connections 1500 env TMPDIR="$work" Tests/Benchmarks/connections.sh "$@"
    count_closing_line $? connections
}

part_bench() {
    need nginx gcc python3 && build_release || return
    script bench 3600 bench python3 Tests/Benchmarks/bench.py "$@"
}

part_package() {
    need debootstrap dpkg-dev wrk python3 libfcgi-dev || return
    build_release || return
    run package 1800 python3 Tests/Debian/package.py .build/release/demo .build/release/paranoid .build/debian-root
    count_closing_line $? package
    local backtrace
    backtrace=$SWIFT_ROOT/libexec/swift/linux/swift-backtrace-static
    run container 600 python3 Tests/Debian/container.py .build/release/demo "$backtrace" .build/debian-root
    count_closing_line $? container
}

part_story() {
    need nginx curl openssl python3 && build_release || return
    mkdir -p "$work/story"
    script story 400 story env TMPDIR="$work/story" python3 Tests/Operations/story.py
    end_left_behind "$work/story"
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
        declare -F "part_${part//-/_}" > /dev/null || { sed -n '2,35s/^# \{0,1\}//p' "$0" >&2; echo "run.sh: no part is called $part" >&2; exit 2; }
    done
    for part in "$@"; do "part_${part//-/_}"; done
fi

passed=0 failed=0
while read -r good bad; do passed=$((passed + good)) failed=$((failed + bad)); done < "$counts"
echo "$SECONDS s" >> "$logs/times.txt"
if [ -f "$work/unsteady" ]; then sort -u "$work/unsteady" | sed 's/\[.\/\]/./g; s/\\//g; s/^/unsteady, failed once and then passed alone: /'; fi
if [ -f "$work/failures" ]; then cat "$work/failures"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
