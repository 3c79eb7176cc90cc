#!/usr/bin/env bash
# Constant load through nginx (GET and POST in turn, every answer looked at as a whole) while workers are replaced and killed.
#
#     Tests/Benchmarks/reload.sh [--short] [--build]
#
#  1. 20 rolling restarts (SIGHUP): no request may fail.
#  2. 20 recycled workers (PARANOID_MAX_REQUESTS): no request may fail.
#  3. 100 workers killed with -9: each may cost what ran in it, at most the worker's share of the clients and then some.
#
# --short does 3, 3 and 5. --build builds the demo first (release); without it, it has to be there, or PARANOID_BIN_DIR
# says where it is. From the environment: RELOAD_WORKERS (3), RELOAD_THREADS (4), RELOAD_CONNECTIONS (24) of wrk.
#
# Ends with `N passed, N failed`: one for each of the three, one for a clean end.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$here/processes.sh"
PATH="$PATH:/usr/sbin:/usr/local/sbin"

reloads=20 recycles=20 kills=100 build=no
for word in "$@"; do
    case "$word" in
    --short) reloads=3 recycles=3 kills=5 ;;
    --build) build=yes ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
workers=${RELOAD_WORKERS:-3} threads=${RELOAD_THREADS:-4} connections=${RELOAD_CONNECTIONS:-24}

"$root/nginx/packages.sh" libfcgi-dev nginx wrk openssl curl
[ "$build" = no ] || swift build --package-path "$root" -c release --product demo
bin=${PARANOID_BIN_DIR:-$(swift build --package-path "$root" -c release --show-bin-path)}
[ -x "$bin/demo" ] || { echo "reload.sh: no $bin/demo; try --build" >&2; exit 1; }

work=$(mktemp -d)
app= nginx= load=
end_all() {
    trap '' INT TERM
    end_processes 50 $load $nginx $app
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

# MARK: The application and nginx

log="$work/app.log"
(umask 077 && : > "$work/settings")
env PARANOID_LISTEN="unix:$work/app.sock" PARANOID_WORKERS="$workers" PARANOID_THREADS="$threads" PARANOID_ENV_FILE="$work/settings" \
    PARANOID_SESSION_DIR="$work/sessions" PARANOID_SECRET_FILE="$work/secret" "$bin/demo" > /dev/null 2> "$log" &
app=$!
port=$(free_ports 2)
bash "$root/nginx/prefix.sh" "$work/nginx" "$work/app.sock" "$port" "$((port + 1))" --run 2> "$work/nginx.log" &
nginx=$!
echo "$app" > "$work/app.pid"

fail() { echo "reload.sh: $1" >&2; tail -n 30 "$log" "$work/nginx.log" "$work/nginx/error.log" >&2 || true; exit 1; }

answers() { curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$port/hello"; }
lines() { grep -c "$1" "$log" || true; }
has() { [ "$(lines "$1")" -ge "$2" ]; }
children() { cat "/proc/$app/task"/*/children; }
are_workers() { [ "$(children | wc -w)" -eq "$workers" ]; }
until_true 60 "the application answers" answers

# MARK: Load

start_load() {
    wrk -t1 -c"$connections" -d3600s --timeout 30s -s "$here/reload.lua" "http://127.0.0.1:$port" > "$work/load" 2>&1 &
    load=$!
    # It has begun when nginx has written down some of its requests.
    local before
    before=$(wc -l < "$work/nginx/access.log")
    until_true 60 "there is load" is_longer_than "$before"
}
is_longer_than() { [ "$(wc -l < "$work/nginx/access.log")" -gt "$(($1 + 1000))" ]; }

# Ends the load; afterwards $gets, $posts and $failed are what it has counted.
end_load() {
    kill -INT "$load"
    wait "$load" || true
    load=
    local line
    line=$(grep '^load:' "$work/load") || { cat "$work/load" >&2; fail "the load has counted nothing"; }
    read -r gets posts refused broken lost late <<< "$(tr -cd '0-9 ' <<< "$line")"
    failed=$((refused + broken + lost + late))
    details="$refused refused, $broken broken, $lost connections lost, $late late"
}

passed=0 bad=0
# verdict WHAT ALLOWED SECONDS: a line, and one more passed or failed.
verdict() {
    local sign=ok
    if [ "$failed" -le "$2" ] && [ "$gets" -gt 0 ] && [ "$posts" -gt 0 ]; then
        passed=$((passed + 1))
    else
        sign=FAILED bad=$((bad + 1))
        tail -n 20 "$work/nginx/error.log" >&2 || true
    fi
    echo "$sign: $1 in $3 s: $((gets + posts)) requests answered ($posts of them POST), $failed failed ($details), allowed $2"
}

# MARK: 1. Rolling restarts

reload() {
    local before
    before=$(lines 'reload finished')
    kill -HUP "$app"
    until_true 120 "the reload is finished" has 'reload finished' "$((before + 1))"
}

began=$SECONDS
start_load
for _ in $(seq "$reloads"); do reload; done
end_load
verdict "$reloads rolling restarts" 0 $((SECONDS - began))

# MARK: 2. Recycling

echo "PARANOID_MAX_REQUESTS=1500" > "$work/settings"
reload
began=$SECONDS
before=$(lines 'asks for a successor')
start_load
until_true 300 "workers are recycled" has 'asks for a successor' "$((before + recycles))"
end_load
verdict "$recycles recycled workers" 0 $((SECONDS - began))
: > "$work/settings"
reload
until_true 120 "the recycled workers have ended" are_workers

# MARK: 3. Killing

began=$SECONDS
start_load
for number in $(seq "$kills"); do
    mapfile -t pids < <(children | tr ' ' '\n' | sed '/^$/d')
    before=$(lines 'worker ready')
    # The first, which is the oldest: one that dies young would be replaced after a pause.
    kill -KILL "${pids[0]}"
    until_true 60 "the worker is replaced" has 'worker ready' "$((before + 1))"
    until_true 60 "there are all workers" are_workers
    sleep 0.7
done
end_load
# All that can run in one worker is what its kept connections bring: a share of the clients, and what sharing leaves open.
share=$(((connections + workers - 1) / workers * 9 / 8 + 2))
verdict "$kills workers killed" $((kills * share)) $((SECONDS - began))

# MARK: The end

kill -TERM "$nginx"
wait "$nginx" || true
nginx=
kill -TERM "$app"
status=0
wait "$app" || status=$?
app=
died=$(lines 'worker died')
if [ "$status" -eq 0 ] && [ "$died" -eq "$kills" ]; then
    passed=$((passed + 1))
    echo "ok: ended with 0; no worker died but those that were killed"
else
    bad=$((bad + 1))
    echo "FAILED: ended with $status; $died workers died, $kills were killed"
fi
echo
echo "$passed passed, $bad failed"
[ "$bad" -eq 0 ]
