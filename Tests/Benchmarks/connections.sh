#!/usr/bin/env bash
# Many connections, bad peers, many requests and a crash loop: what a FastCGI server has to endure, and what it costs.
#
#     Tests/Benchmarks/connections.sh [--short] [--build] [fairness|peers|million|crashes]...
#
#  fairness  512 clients over 512 kept connections on 2 workers x 4 threads: each is served, the slowest at least half as
#            often as the mean, requests/s at least 0.9 of those with 32 clients. Beside it plain libfcgi, 8 threads, one
#            per connection, under the same load: it starves nearly all of them.
#  peers     1000 peers that send a byte a second and 1000 that are silent: normal requests are answered, memory stays
#            flat, and all 2000 run into their deadline.
#  million   1 000 000 requests: descriptors, threads and memory of the workers stay flat.
#  crashes   clients that ask for nothing but /crash: little processor time, back-off in the log, other routes answer.
#
# --short does everything with a tenth of the load and time, and asserts no ratio of speeds. --build builds the demo first (release); without it, it has to
# be there, or PARANOID_BIN_DIR says where it is. Ends with `N passed, N failed`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$here/processes.sh"
PATH="$PATH:/usr/sbin:/usr/local/sbin"

short=no build=no parts=()
for word in "$@"; do
    case "$word" in
    --short) short=yes ;;
    --build) build=yes ;;
    fairness | peers | million | crashes) parts+=("$word") ;;
    *) sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
[ "${#parts[@]}" -gt 0 ] || parts=(fairness peers million crashes)
seconds=10 slow=1000 silent=1000 requests=1000000 crash_seconds=30
[ "$short" = no ] || { seconds=1 slow=100 silent=100 requests=20000 crash_seconds=5; }

"$root/nginx/packages.sh" libfcgi-dev nginx wrk gcc curl python3
[ "$build" = no ] || swift build --package-path "$root" -c release --product demo
bin=${PARANOID_BIN_DIR:-$(swift build --package-path "$root" -c release --show-bin-path)}
[ -x "$bin/demo" ] || { echo "connections.sh: no $bin/demo; try --build" >&2; exit 1; }
ulimit -n "$(ulimit -H -n)" 2>/dev/null || true
[ "$(ulimit -n)" -ge 4096 ] || { echo "connections.sh: 4096 descriptors are needed (ulimit -n)" >&2; exit 1; }

work=$(mktemp -d)
pids=()
end_all() {
    trap '' INT TERM
    end_processes 60 "${pids[@]}"
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

fail() { echo "connections.sh: $1" >&2; tail -n 20 "$work"/*.log "$work/nginx/error.log" >&2 || true; exit 1; }
passed=0 failed=0
# verdict CONDITION TEXT: CONDITION is an awk expression.
verdict() {
    if awk "BEGIN { exit !($1) }"; then passed=$((passed + 1)); echo "ok: $2"; else failed=$((failed + 1)); echo "FAILED: $2"; fi
}

# MARK: The applications and nginx

log="$work/demo.log"
env PARANOID_LISTEN="unix:$work/demo.sock" PARANOID_WORKERS=2 PARANOID_THREADS=4 DEMO_ALLOW_CRASH=1 PARANOID_HEARTBEAT_TIMEOUT=none \
    PARANOID_SESSION_DIR="$work/sessions" PARANOID_SECRET_FILE="$work/secret" "$bin/demo" > /dev/null 2> "$log" &
app=$!
pids+=("$app")
gcc -O2 -pthread -o "$work/hello" "$here/Peers/c/hello.c" -lfcgi
gcc -O2 -o "$work/clients" "$here/clients.c"
"$work/hello" "$work/c.sock" 8 "$work" &
pids+=($!)

prefix="$work/nginx"
mkdir -p "$prefix/conf" "$prefix/tmp"
cp "$root/nginx/paranoid_fastcgi_params" "$prefix/conf/"
port=$(free_ports 2)
cat > "$prefix/conf/nginx.conf" <<END
worker_processes 1;
pid nginx.pid;
error_log error.log crit;
events { worker_connections 4096; }
http {
    client_body_temp_path tmp/body; fastcgi_temp_path tmp/fastcgi; proxy_temp_path tmp/proxy; scgi_temp_path tmp/scgi; uwsgi_temp_path tmp/uwsgi;
    access_log off;
    keepalive_requests 10000000;
    upstream demo { server unix:$work/demo.sock max_fails=0; keepalive 600; keepalive_requests 10000000; }
    upstream c { server unix:$work/c.sock max_fails=0; keepalive 600; keepalive_requests 10000000; }
    include paranoid_fastcgi_params;
    server { listen 127.0.0.1:$port backlog=2048; location / { fastcgi_pass demo; fastcgi_keep_conn on; } }
    server { listen 127.0.0.1:$((port + 1)) backlog=2048; location / { fastcgi_pass c; fastcgi_keep_conn on; } }
}
END
directives=
[ "$(id -u)" -ne 0 ] || directives='user root;'
nginx -p "$prefix" -c conf/nginx.conf -e error.log -g "daemon off; $directives" &
pids+=($!)

answers() { curl -sf -o /dev/null --max-time "${2:-2}" "http://127.0.0.1:$1/hello"; }
until_true 60 "the demo answers" answers "$port"
workers() { cat "/proc/$app/task"/*/children; }
# facts: descriptors, threads and kilobytes of all workers together.
facts() {
    local pid descriptors=0 threads=0 memory=0
    for pid in $(workers); do
        descriptors=$((descriptors + $(ls "/proc/$pid/fd" | wc -l)))
        threads=$((threads + $(ls "/proc/$pid/task" | wc -l)))
        memory=$((memory + $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")))
    done
    echo "$descriptors $threads $memory"
}
# rate PORT CONNECTIONS SECONDS: requests a second, and answers that were not 200.
rate() {
    wrk -t1 -c"$2" -d"${3}s" --timeout 60s "http://127.0.0.1:$1/hello" > "$work/wrk" || fail "wrk"
    awk '/Requests\/sec/ { rate = $2 } /Non-2xx/ { bad += $NF } /Socket errors/ { gsub(",", ""); bad += $4 + $6 + $8 + $10 } END { print rate + 0, bad + 0 }' "$work/wrk"
}
# clients PORT: how often each of 512 clients is answered.
clients() { "$work/clients" "$1" 512 "$seconds" /hello; }

# MARK: Parts

part_fairness() {
    local few few_bad many many_bad ratio starved least mean bad rest
    # In turns, as the machine may have other things to do.
    few=0 many=0 few_bad=0 many_bad=0
    for _ in 1 2 3; do
        read -r rest bad <<< "$(rate "$port" 32 "$seconds")"
        few=$(awk "BEGIN { print $few + $rest / 3 }") few_bad=$((few_bad + bad))
        read -r rest bad <<< "$(rate "$port" 512 "$seconds")"
        many=$(awk "BEGIN { print $many + $rest / 3 }") many_bad=$((many_bad + bad))
    done
    ratio=$(awk "BEGIN { printf \"%.2f\", $many / $few }")
    if [ "$short" = yes ]; then
        verdict "$few_bad == 0 && $many_bad == 0" "32 clients: $few requests/s; 512: $many ($ratio); $((few_bad + many_bad)) failed"
    else
        verdict "$few_bad == 0 && $many_bad == 0 && $ratio >= 0.9" "32 clients: $few requests/s; 512: $many ($ratio of it, at least 0.9); $((few_bad + many_bad)) failed"
    fi
    rest=$(clients "$port")
    read -r _ _ _ starved _ least _ mean _ _ _ bad <<< "$rest"
    if [ "$short" = yes ]; then
        verdict "$starved == 0 && $bad == 0" "each of 512 clients is served: $rest"
    else
        verdict "$starved == 0 && $bad == 0 && $least >= $mean / 2" "each of 512 clients is served, the slowest at least half as often as the mean: $rest"
    fi
    rest=$(clients "$((port + 1))")
    read -r _ _ _ starved _ <<< "$rest"
    verdict "$starved >= 256" "plain libfcgi, one thread per connection, starves most of them: $rest"
}

part_peers() {
    local before after memory_before memory_after ended count=0 bad=0 peers
    rate "$port" 32 2 > /dev/null
    before=$(facts)
    python3 "$here/peers.py" "$work/demo.sock" "$slow" "$silent" 90 > "$work/peers" &
    peers=$!
    pids+=("$peers")
    until_true 60 "the peers are connected" grep -q connected "$work/peers"
    after=$(facts)
    while kill -0 "$peers" 2>/dev/null; do
        count=$((count + 1))
        answers "$port" 2 || bad=$((bad + 1))
        sleep 0.1
    done
    ended=$(grep -o 'ended: .*' "$work/peers")
    memory_before=${before##* } memory_after=${after##* }
    verdict "$bad == 0 && $count > 0" "beside $slow slow and $silent silent peers $count requests were answered within 2 s, $bad were not"
    # A connection costs what the table keeps for its number: a few hundred bytes and libfcgi's request, no buffers and no thread.
    verdict "$memory_after - $memory_before <= 2 * ($slow + $silent) + 2048" \
        "memory of the workers: $memory_before kB before, $memory_after kB with $((slow + silent)) peers, $(facts | cut -d ' ' -f 3) kB after"
    verdict "\"$ended\" ~ /^ended: $((slow + silent)) of /" "peers whose connection the server $ended"
}

part_million() {
    local before after done=0 count bad=0 start=$SECONDS
    rate "$port" 64 5 > /dev/null
    before=$(facts)
    while [ "$done" -lt "$requests" ]; do
        wrk -t1 -c64 -d5s "http://127.0.0.1:$port/hello" > "$work/wrk" || fail "wrk"
        count=$(awk '/requests in/ { print $1 }' "$work/wrk")
        [ "$count" -gt 0 ] || fail "no request is answered"
        bad=$((bad + $(awk '/Non-2xx/ { bad += $NF } /Socket errors/ { gsub(",", ""); bad += $4 + $6 + $8 + $10 } END { print bad + 0 }' "$work/wrk")))
        done=$((done + count))
    done
    after=$(facts)
    read -r d1 t1 m1 <<< "$before"
    read -r d2 t2 m2 <<< "$after"
    verdict "$bad == 0" "$done requests in $((SECONDS - start)) s, $bad failed"
    verdict "$d2 <= $d1 + 4 && $t2 == $t1" "descriptors $d1 -> $d2, threads $t1 -> $t2"
    verdict "$m2 <= $m1 * 1.05 + 512" "memory of the workers $m1 kB -> $m2 kB"
}

part_crashes() {
    local hertz ticks_before ticks count=0 good=0 loops=() start end spent
    hertz=$(getconf CLK_TCK)
    # All processor time of the application: of its processes, and of those that they have collected.
    ticks() {
        local pid
        for pid in "$app" $(workers); do cat "/proc/$pid/stat" 2>/dev/null || true; done |
            sed 's/^.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum + 0 }'
    }
    ticks_before=$(ticks)
    start=$SECONDS
    end=$((SECONDS + crash_seconds))
    for _ in 1 2 3 4; do
        (while [ "$SECONDS" -lt "$end" ]; do curl -s -o /dev/null --max-time 10 "http://127.0.0.1:$port/crash" || true; sleep 0.01; done) &
        loops+=($!)
    done
    pids+=("${loops[@]}")
    while [ "$SECONDS" -lt "$end" ]; do
        count=$((count + 1))
        # A client that tries again, as people do.
        for _ in 1 2 3; do answers "$port" 10 && { good=$((good + 1)); break; }; done
        sleep 0.2
    done
    wait "${loops[@]}" || true
    ticks=$(($(ticks) - ticks_before)) spent=$((SECONDS - start))
    verdict "$good > 0 && $good >= $count * 0.9" "other routes: $good of $count requests answered, tried up to three times"
    verdict "$ticks / $hertz <= $spent * 0.5" "processor time of the application, crash reports included: $(awk "BEGIN { printf \"%.1f\", $ticks / $hertz }") s in $spent s"
    verdict "$(grep -c 'worker died' "$log") <= 2 * (8 + $crash_seconds / 5 + 2)" "$(grep -c 'worker died' "$log") workers died; pauses: $(grep -o 'worker.restart_seconds=[0-9.]*' "$log" | cut -d = -f 2 | sort -n | uniq -c | awk '{ printf "%s%s s x %s", sep, $2, $1; sep = ", " }')"
    until_true 60 "the demo answers again" answers "$port"
}

for part in "${parts[@]}"; do
    echo "--- $part"
    "part_$part"
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
