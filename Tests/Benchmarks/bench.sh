#!/usr/bin/env bash
# Requests per second and CPU microseconds per request through one nginx: a bare C libfcgi "hello", and /hello and
# /session of the demo, with FastCGI connections kept alive and with one connection per request.
#
#     Tests/Benchmarks/bench.sh [--short] [--build]
#
# --short takes one second per figure instead of three times five (medians). --build builds the demo first (release);
# without it, it has to be there. From the environment: BENCH_WORKERS (1) and BENCH_THREADS (2) of the demo,
# BENCH_C_THREADS (32), BENCH_CONNECTIONS (32) of wrk, BENCH_SESSIONS (64) among which requests to /session rotate.
#
# CPU time is what all processes of the application used (user and system, /proc/PID/stat), divided by the answers wrk
# counted. Nonces are off, so that one client can be simulated without reading Set-Cookie; everything else is default.
# Ends with `N passed, N failed`: a row passes when every answer was 200.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$here/processes.sh"
PATH="$PATH:/usr/sbin:/usr/local/sbin"

seconds=5 rounds=3 build=no
for word in "$@"; do
    case "$word" in
    --short) seconds=1 rounds=1 ;;
    --build) build=yes ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
workers=${BENCH_WORKERS:-1} threads=${BENCH_THREADS:-2} c_threads=${BENCH_C_THREADS:-32}
connections=${BENCH_CONNECTIONS:-32} sessions=${BENCH_SESSIONS:-64}

"$root/nginx/packages.sh" libfcgi-dev nginx wrk gcc curl
[ "$build" = no ] || swift build --package-path "$root" -c release --product demo
bin=${PARANOID_BIN_DIR:-$(swift build --package-path "$root" -c release --show-bin-path)}
[ -x "$bin/demo" ] || { echo "bench.sh: no $bin/demo; try --build" >&2; exit 1; }

work=$(mktemp -d)
pids=()
end_all() {
    trap '' INT TERM
    end_processes 40 "${pids[@]}"
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

# MARK: Backends and nginx

gcc -O2 -pthread -o "$work/hello" "$here/hello.c" -lfcgi
# Two of them: idle kept connections would hold the threads that the other rows need.
"$work/hello" "$work/c-kept.sock" "$c_threads" &
pids+=($!)
c_kept_pid=$!
"$work/hello" "$work/c-each.sock" "$c_threads" &
pids+=($!)
c_each_pid=$!
env -u PARANOID_STRICT -u PARANOID_BIN_DIR PSESSION_NONCE_TIMEOUT=none \
    PARANOID_LISTEN="unix:$work/demo.sock" PARANOID_WORKERS="$workers" PARANOID_THREADS="$threads" \
    PARANOID_SESSION_DIR="$work/sessions" PARANOID_SECRET_FILE="$work/secret" "$bin/demo" 2> "$work/demo.log" &
pids+=($!)
demo_pid=$!

prefix="$work/nginx"
mkdir -p "$prefix/conf" "$prefix/tmp"
cp "$root/nginx/paranoid_fastcgi_params" "$prefix/conf/"
sed -i '/HTTPS/d' "$prefix/conf/paranoid_fastcgi_params"
# Four ports in a row that nobody listens on.
port=$(free_ports 4)
sed -e "s|@C_KEPT_SOCKET@|$work/c-kept.sock|; s|@C_EACH_SOCKET@|$work/c-each.sock|; s|@DEMO_SOCKET@|$work/demo.sock|" \
    -e "s|@PORT_C_KEPT@|$port|; s|@PORT_C_EACH@|$((port + 1))|" \
    -e "s|@PORT_DEMO_KEPT@|$((port + 2))|; s|@PORT_DEMO_EACH@|$((port + 3))|" \
    "$here/nginx.conf.in" > "$prefix/conf/nginx.conf"
directives=
[ "$(id -u)" -ne 0 ] || directives='user root;'
nginx -p "$prefix" -c conf/nginx.conf -e error.log -g "daemon off; $directives" &
pids+=($!)
nginx_pid=$!

deadline=$((SECONDS + 30))
for offset in 0 1 2; do
    until curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$((port + offset))/hello"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "bench.sh: no answer" >&2; cat "$prefix/error.log" "$work/demo.log" >&2; exit 1; }
        sleep 0.1
    done
done

# Sessions whose cookies the requests to /session carry.
for _ in $(seq "$sessions"); do
    curl -s -A bench -D - -o /dev/null "http://127.0.0.1:$((port + 2))/session" |
        tr -d '\r' | sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\).*/\1/p' | paste -sd ';' | sed 's/;/; /g'
done > "$work/cookies"
export BENCH_COOKIES="$work/cookies"

# MARK: Measuring

# The processor time in clock ticks of a process and its children.
ticks() {
    local pid
    for pid in "$1" $(cat "/proc/$1/task"/*/children); do cat "/proc/$pid/stat"; done |
        sed 's/^.*) //' | awk '{ sum += $12 + $13 } END { print sum + 0 }'
}
hertz=$(getconf CLK_TCK)

# measure PORT PATH APP_PID SCRIPT: one line "requests/s, app µs, nginx µs, p99 ms, answers that were not 200".
measure() {
    local app_before nginx_before app nginx
    app_before=$(ticks "$3") nginx_before=$(ticks "$nginx_pid")
    wrk -t1 -c"$connections" -d"${seconds}s" --latency ${4:+-s "$4"} "http://127.0.0.1:$1$2" > "$work/wrk"
    app=$(($(ticks "$3") - app_before)) nginx=$(($(ticks "$nginx_pid") - nginx_before))
    awk -v app="$app" -v nginx="$nginx" -v hertz="$hertz" '
        /requests in/ { count = $1 }
        /Requests\/sec/ { rate = $2 }
        $1 == "99%" { p99 = $2; if (sub(/us$/, "", p99)) p99 /= 1000; else if (!sub(/ms$/, "", p99)) { sub(/s$/, "", p99); p99 *= 1000 } }
        /Non-2xx/ { bad += $NF }
        /Socket errors/ { gsub(",", ""); bad += $4 + $6 + $8 + $10 }
        END {
            if (count == 0) { count = 1; bad++ }
            printf "%.0f %.1f %.1f %.2f %d\n", rate, app * 1e6 / hertz / count, nginx * 1e6 / hertz / count, p99, bad
        }' "$work/wrk"
}

rows=(
    "C libfcgi hello, kept alive|0|/hello|$c_kept_pid|"
    "demo /hello, kept alive|2|/hello|$demo_pid|"
    "demo /session, kept alive|2|/session|$demo_pid|$here/sessions.lua"
    "C libfcgi hello, connection per request|1|/hello|$c_each_pid|"
    "demo /hello, connection per request|3|/hello|$demo_pid|"
    "demo /session, connection per request|3|/session|$demo_pid|$here/sessions.lua"
)
for round in $(seq "$rounds"); do
    for number in "${!rows[@]}"; do
        IFS='|' read -r _ offset path pid script <<< "${rows[$number]}"
        measure "$((port + offset))" "$path" "$pid" "$script" >> "$work/row.$number"
    done
done

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

passed=0 failed=0
echo "demo $workers × $threads, C 1 × $c_threads threads, $connections connections, $sessions sessions; median of $rounds × $seconds s"
echo
echo "| | requests/s | app CPU µs/request | nginx CPU µs/request | p99 ms |"
echo "|---|---|---|---|---|"
for number in "${!rows[@]}"; do
    cells=()
    for column in 1 2 3 4; do cells+=("$(cut -d ' ' -f "$column" "$work/row.$number" | median)"); done
    bad=$(awk '{ sum += $5 } END { print sum + 0 }' "$work/row.$number")
    echo "| ${rows[$number]%%|*} | ${cells[0]} | ${cells[1]} | ${cells[2]} | ${cells[3]} |"
    if [ "$bad" -eq 0 ]; then
        passed=$((passed + 1))
    else
        echo "bench.sh: $bad answers of \"${rows[$number]%%|*}\" were not 200" >&2
        failed=$((failed + 1))
    fi
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
