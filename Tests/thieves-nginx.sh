#!/usr/bin/env bash
# Honest browsers and thieves against the whole server in virtual time: nginx, trace-server, session files.
#
#     Tests/thieves-nginx.sh [--short]
#
# The programs have to be built (release, or PARANOID_BIN_DIR). Identifiers change every five minutes of virtual time,
# beside the nonces. Ends with `N passed, N failed`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=${PARANOID_BIN_DIR:-$(dirname "$here")/.build/release}

source "$here/Benchmarks/processes.sh"
port=$(free_ports 1)

work=$(mktemp -d)
PORT=$port PSESSION_PROFILE=paranoid PSESSION_KEY_TIMEOUT="${PSESSION_KEY_TIMEOUT:-300}" "$here/trace-server.sh" 2> "$work/log" &
server=$!
stop() {
    trap '' INT TERM
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

for _ in $(seq 1000); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    kill -0 "$server" 2>/dev/null || { echo "thieves-nginx.sh: the server ended" >&2; exit 1; }
    sleep 0.02
done
status=0
"$bin/theft-simulator" --through "$port" "$@" | tee "$work/output" || status=1
# One alarm for each session that ended, and nothing else that deserves a warning.
ended=$(sed -nE 's/.* \| ([0-9]+) of [0-9]+ \|.*/\1/p' "$work/output" | awk '{ sum += $1 } END { print sum + 0 }')
alarms=$(grep -c 'an old value of a session' "$work/log" || true)
others=$(grep -cE ' (warning|error|critical) ' "$work/log" || true)
read -r passed _ failed _ <<< "$(grep -oE '[0-9]+ passed, [0-9]+ failed' "$work/output" | tail -n 1)"
if [ "$alarms" -eq "$ended" ] && [ "$others" -eq "$alarms" ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1)) status=1
    tail -n 20 "$work/log"
fi
echo "$ended sessions were shared and ended; the log has $alarms alarms and $((others - alarms)) other warnings"
echo "$passed passed, $failed failed"
exit "$status"
