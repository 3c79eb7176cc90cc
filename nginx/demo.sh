#!/usr/bin/env bash
# Builds the demo application and runs it behind an nginx of its own.
#
#     nginx/demo.sh [--port 8080] [--tls-port 8443] [--workers 2] [--threads 8] [--state DIR] [--address 127.0.0.1] [--check]
#
# Installs libfcgi-dev and nginx with apt when they are missing. Everything it writes is in DIR (default:
# $XDG_STATE_HOME/paranoid-demo or ~/.local/state/paranoid-demo): nginx's prefix with a self-signed certificate, the
# application's socket, secret and sessions. Settings in the environment (PSESSION_…, SESSION_…, PARANOID_…, DEMO_…)
# reach the application. Ctrl-C stops everything.
#
# --check sends a few requests through nginx instead, in a state directory and on ports of its own unless they are
# given, and exits with 0 when every answer is right, else with 1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
PATH="$PATH:/usr/sbin:/usr/local/sbin"

port='' tls_port='' workers=2 threads=8 state='' address=127.0.0.1 check=no

usage() { sed -n '2,13s/^# \{0,1\}//p' "$0"; }
refuse() { echo "demo.sh: $*" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case "$1" in
    --port | --tls-port | --workers | --threads)
        [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || refuse "$1 needs a number above 0"
        case "$1" in
        --port) port=$2 ;;
        --tls-port) tls_port=$2 ;;
        --workers) workers=$2 ;;
        --threads) threads=$2 ;;
        esac
        shift 2
        ;;
    --state) state=${2:?"--state needs a directory"}; shift 2 ;;
    --address) address=${2:?"--address needs an address"}; shift 2 ;;
    --check) check=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; refuse "unknown argument: $1" ;;
    esac
done

# MARK: What is needed

"$here/packages.sh" libfcgi-dev nginx openssl curl
command -v swift >/dev/null || { echo "demo.sh: no swift in PATH; a toolchain of Swift 6.3 is needed" >&2; exit 1; }

echo "building the demo (the first time takes a few minutes)"
"$here/build.sh" demo
# Where the report of a worker that crashes comes from.
export SWIFT_ROOT=${SWIFT_ROOT:-$(swift -print-target-info | sed -n 's#.*"runtimeResourcePath": "\(.*\)/lib/swift".*#\1#p')}
demo=$root/.build/release/demo

# A port nobody listens on. Another program may take it before nginx does; then nginx says so and we stop.
free_port() {
    local candidate
    for _ in $(seq 100); do
        candidate=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
    done
    echo "demo.sh: no free port" >&2
    return 1
}

temporary=()
if [ "$check" = yes ]; then
    if [ -z "$state" ]; then
        state=$(mktemp -d)
        temporary+=("$state")
    fi
    port=${port:-$(free_port)}
    tls_port=${tls_port:-$(free_port)}
fi
port=${port:-8080}
tls_port=${tls_port:-8443}
state=${state:-${XDG_STATE_HOME:-$HOME/.local/state}/paranoid-demo}
[ "$port" != "$tls_port" ] || refuse "--port and --tls-port are the same"

# MARK: Starting and stopping

app_pid='' nginx_pid=''

# Ends one of our processes: asks, waits, insists.
end() {
    local pid=$1 deadline=$((SECONDS + $2))
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
    if kill -KILL "$pid" 2>/dev/null; then echo "demo.sh: process $pid had to be killed" >&2; fi
    wait "$pid" 2>/dev/null || true
}

stop() {
    trap '' INT TERM HUP
    end "$nginx_pid" 10
    end "$app_pid" 45
    app_pid='' nginx_pid=''
    [ "${#temporary[@]}" -eq 0 ] || rm -rf "${temporary[@]}"
}
trap stop EXIT
trap 'echo; exit 0' INT TERM HUP

mkdir -p "$state"
chmod 0700 "$state"
state=$(cd "$state" && pwd)
exec 9>"$state/lock"
flock -n 9 || { echo "demo.sh: another demo is running in $state" >&2; exit 1; }

socket="$state/app.sock"
if [ "${#socket}" -gt 100 ]; then # sockaddr_un holds 108 bytes
    temporary+=("$(mktemp -d)")
    socket="${temporary[-1]}/app.sock"
fi

# PARANOID_STRICT and PARANOID_BIN_DIR belong to the build and the tests; the application would refuse them.
env -u PARANOID_STRICT -u PARANOID_BIN_DIR \
    PARANOID_LISTEN="unix:$socket" PARANOID_WORKERS="$workers" PARANOID_THREADS="$threads" DEMO_HTTPS_PORT="$tls_port" \
    PARANOID_SESSION_DIR="${PARANOID_SESSION_DIR:-$state/sessions}" \
    PARANOID_SECRET_FILE="${PARANOID_SECRET_FILE:-$state/secret}" \
    "$demo" 9>&- &
app_pid=$!
"$here/prefix.sh" "$state/nginx" "$socket" "$port" "$tls_port" --address "$address" --run 9>&- &
nginx_pid=$!

plain="http://$address:$port"
secure="https://$address:$tls_port"
certificate="$state/nginx/conf/certificate.pem"

alive() {
    kill -0 "$app_pid" 2>/dev/null || { echo "demo.sh: the application ended" >&2; return 1; }
    kill -0 "$nginx_pid" 2>/dev/null || { echo "demo.sh: nginx ended" >&2; tail -n 5 "$state/nginx/error.log" >&2; return 1; }
}
deadline=$((SECONDS + 30))
until curl -sf -o /dev/null --max-time 2 "$plain/hello"; do
    alive || exit 1
    [ "$SECONDS" -lt "$deadline" ] || { echo "demo.sh: no answer within 30 s" >&2; tail -n 5 "$state/nginx/error.log" >&2; exit 1; }
    sleep 0.1
done
alive || exit 1

# MARK: --check

if [ "$check" = yes ]; then
    work=$(mktemp -d)
    temporary+=("$work")
    passed=0 failed=0

    # expect NAME PATTERN... : the last answer, head and body, has a line matching each pattern; `!PATTERN` must not match.
    expect() {
        local name=$1 pattern
        shift
        for pattern in "$@"; do
            if [ "${pattern:0:1}" = '!' ]; then
                ! grep -qiE -- "${pattern:1}" "$work/answer" || { wrong "$name" "unexpected: ${pattern:1}"; return 0; }
            else
                grep -qiE -- "$pattern" "$work/answer" || { wrong "$name" "missing: $pattern"; return 0; }
            fi
        done
        echo "  ok      $name"
        passed=$((passed + 1))
    }
    wrong() {
        echo "  WRONG   $1 ($2)"
        sed 's/^/          /' "$work/answer"
        failed=$((failed + 1))
    }
    get() { curl -s -i --max-time 20 --cacert "$certificate" "$@" | tr -d '\r' > "$work/answer" || echo "curl failed" >> "$work/answer"; }

    for base in "$plain" "$secure"; do
        get "$base/hello"
        expect "GET  $base/hello" '^HTTP/[0-9.]+ 200' '^hello$' '^content-type: text/plain' '!^set-cookie'
        get -I "$base/hello"
        expect "HEAD $base/hello" '^HTTP/[0-9.]+ 200' '^content-length: 6$' '!^hello$'
        get -d 'paranoid body' -H 'Content-Type: text/x-check' "$base/echo"
        expect "POST $base/echo" '^HTTP/[0-9.]+ 200' '^content-type: text/x-check' '^paranoid body$'
        get "$base/no-such-page"
        expect "GET  $base/no-such-page" '^HTTP/[0-9.]+ 404' '!^set-cookie'
        get -X DELETE "$base/hello"
        expect "DELETE $base/hello" '^HTTP/[0-9.]+ 405' '^allow: .*GET'
    done
    get "$secure/"
    expect "GET  $secure/" '^HTTP/[0-9.]+ 200' '^content-type: text/html' '<html'
    get "$secure/worker"
    expect "GET  $secure/worker" '^HTTP/[0-9.]+ 200' '"pid":[0-9]+'
    get -b "$work/jar" -c "$work/jar" "$secure/session"
    expect "GET  $secure/session, first visit" '^HTTP/[0-9.]+ 200' '^set-cookie: .*secure' '"verdict":"new"' '"hits":1[,}]'
    get -b "$work/jar" -c "$work/jar" "$secure/session"
    expect "GET  $secure/session, same cookies" '^HTTP/[0-9.]+ 200' '"verdict":"accepted"' '"hits":2[,}]'
    get -b "$work/jar" -A thief "$secure/session/peek"
    expect "GET  $secure/session/peek, same cookies, other browser" '^HTTP/[0-9.]+ 200' '"verdict":"challenged"' '!"hits":2[,}]'

    started="$app_pid $nginx_pid $(cat /proc/{"$app_pid","$nginx_pid"}/task/*/children)"
    stop
    for pid in $started; do
        if kill -0 "$pid" 2>/dev/null; then
            echo "  WRONG   process $pid is still there"
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
fi

# MARK: Serving

cat <<MESSAGE

ParanoidFastCGI demo: $workers workers with $threads threads each, state in $state

    $secure/      the page that shows your session (self-signed certificate)
    $plain/       the same without TLS, and so without sessions

    curl -k -c jar -b jar $secure/session
    curl -k -c jar -b jar -d user=alice $secure/login
    curl -k -b jar -A thief $secure/session/peek         # the same cookies from another browser
    curl -d 'any bytes' $plain/echo
    curl -k $secure/worker

Ctrl-C stops it.
MESSAGE
wait -n "$app_pid" "$nginx_pid" || true
alive || exit 1
