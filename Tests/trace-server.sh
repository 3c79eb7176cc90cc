#!/usr/bin/env bash
# The real stack for the conformance traces: nginx on 127.0.0.1:$PORT, and the trace server behind it.
#
#     Tests/trace-server.sh --build       installs what is missing and builds trace-server (release)
#     PORT=8090 Tests/trace-server.sh     serves until SIGTERM; builds and installs nothing
#
# Settings come from the environment under the names of the traces. One worker process, a fresh session directory each
# time. For check.py:  SERVER_CMD="Tests/trace-server.sh" HOLD=1 python3 check.py FILE --adapter http_adapter --inputs jar
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

if [ "${1:-}" = --build ]; then
    "$root/nginx/packages.sh" libfcgi-dev nginx
    swift build --package-path "$root" -c release --product trace-server
    exit 0
fi
[ $# -eq 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
port=${PORT:?"PORT says where nginx listens"}

# Looked up as a file: asking `swift build` takes seconds, and this is started once for each trace.
bin=${PARANOID_BIN_DIR:-$root/.build/release}
[ -x "$bin/trace-server" ] || { echo "trace-server.sh: no $bin/trace-server; run $0 --build" >&2; exit 1; }

work=$(mktemp -d)
app_pid='' nginx_pid=''
stop() {
    trap '' INT TERM
    local pid
    for pid in $nginx_pid $app_pid; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in $nginx_pid $app_pid; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 0' INT TERM

env -u PORT -u PARANOID_STRICT -u PARANOID_BIN_DIR \
    PSESSION_PROFILE="${PSESSION_PROFILE:-compatible}" \
    PARANOID_LISTEN="unix:$work/app.sock" PARANOID_WORKERS=1 PARANOID_THREADS="${PARANOID_THREADS:-16}" \
    PARANOID_SESSION_DIR="$work/sessions" PARANOID_SECRET_FILE="$work/secret" \
    "$bin/trace-server" &
app_pid=$!

# The socket appears when the application listens; nginx answers on $PORT only after that.
for _ in $(seq 1000); do
    [ ! -S "$work/app.sock" ] || break
    kill -0 "$app_pid" 2>/dev/null || { echo "trace-server.sh: the server ended" >&2; exit 1; }
    sleep 0.01
done
[ -S "$work/app.sock" ] || { echo "trace-server.sh: the server does not listen" >&2; exit 1; }

"$root/nginx/prefix.sh" "$work/nginx" "$work/app.sock" "$port" --template "$root/nginx/test.conf.in" --run &
nginx_pid=$!
wait -n "$app_pid" "$nginx_pid" || true
