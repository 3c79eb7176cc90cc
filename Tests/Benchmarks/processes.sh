# For `source`: what the benchmarks that start programs have in common.

# end_processes SECONDS PID...: asks them to end, and kills those that have not after so many seconds.
end_processes() {
    local deadline=$((SECONDS + $1)) pid
    shift
    for pid in "$@"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "$@"; do
        while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

# free_ports COUNT: prints the first of so many ports in a row that nobody listens on.
free_ports() {
    local port offset taken
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 12000)) taken=no
        for ((offset = 0; offset < $1; offset++)); do
            ! (exec 3<>"/dev/tcp/127.0.0.1/$((port + offset))") 2>/dev/null || taken=yes
        done
        [ "$taken" = yes ] || break
    done
    echo "$port"
}

# until_true SECONDS WHAT COMMAND...: waits for a condition; the time is only there so that a broken program ends this. `fail` is the caller's.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "never: $what"
        sleep 0.02
    done
}
