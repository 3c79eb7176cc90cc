# What Tests/run.sh is made of, which reads this file: commands with deadlines, sums, and builds that are made once.

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
    [ "$status" -ne 124 ] || echo "run.sh: $name took more than $limit s and was ended" | tee -a "$log"
    [ "$status" -lt 128 ] || echo "run.sh: signal $((status - 128)) ended $name" | tee -a "$log"
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
    [ "$bad" -eq 0 ] || { echo; echo "### $4: $bad failed (status $3)"; python3 Tests/failures.py "$log"; } >> "$work/failures"
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

# script NAME SECONDS LABEL COMMAND...: runs a command that sees the clock or a busy machine and ends with `N passed, N failed`;
# when something failed, once more.
script() {
    local name=$1 limit=$2 label=$3 status
    shift 3
    run "$name" "$limit" "$@"
    status=$?
    if [ "$status" -ne 0 ]; then
        grep -E '[Ff]ail|FAIL|not ok|✘' "$log" | head -n 20
        cp "$log" "$logs/$name-first.log"
        run "$name" "$limit" "$@"
        status=$?
        [ "$status" -ne 0 ] || echo "$label" >> "$work/unsteady"
    fi
    count_closing_line "$status" "$label"
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
    export SWIFT_ROOT=${SWIFT_ROOT:-$(swift -print-target-info | sed -n 's#.*"runtimeResourcePath": "\(.*\)/lib/swift".*#\1#p')}
    need libfcgi-dev && build release 1800 nginx/build.sh && export PARANOID_BIN_DIR="$root/.build/release"
}
# Only what runs under the sanitizer.
build_tsan() {
    need libfcgi-dev && build tsan 1500 bash -c '
        options="--sanitize=thread --scratch-path .build-tsan"
        swift build $options --product ParanoidFastCGIPackageTests && swift build $options --product store-stress'
}
bundle_of() { echo "$root/$1/debug/ParanoidFastCGIPackageTests.xctest"; }
