#!/usr/bin/env bash
# What the store of session files costs, beside the bare file operations in C and PHP's own sessions in files.
#
#     Tests/Benchmarks/store.sh [--short] [--build]
#     Tests/Benchmarks/store.sh --million [--build]
#
# The first form measures each operation on an ext4 with a journal (an image of 2 GiB, loop-mounted) and on a tmpfs, the three programs
# in turn, and takes the median of the rounds; system calls are those that strace sees between marks around the measured loop.
# --short takes fewer sessions, one round and an image of 512 MiB. --million compares a store of 1 000 000 sessions with one of 1000.
# --build builds store-stress first (release); without it, it has to be there. Mounting needs root; without it everything is measured
# in $TMPDIR. From the environment: STORE_SESSIONS, STORE_ROUNDS, STORE_MANY.
#
# Rows: "read" is of an unchanged session that is kept open, "read, changed" after another process's write, "cold" of a session that is not
# kept: opened and unsealed. C and PHP keep nothing. "sweep" is per file that nobody has written since the sweep before, "sweep-first" per file
# that was written and is at rest. Ends with `N passed, M failed`: a row passes when all of it was
# measured and every program found its work done.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin"

sessions=4000 rounds=3 traced=600 image_size=2G build=no million=no
for word in "$@"; do
    case "$word" in
    --short) sessions=1000 rounds=1 traced=250 image_size=512M ;;
    --million) million=yes image_size=9G ;;
    --build) build=yes ;;
    *) sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
many=${STORE_MANY:-1000000}
sessions=${STORE_SESSIONS:-$sessions} rounds=${STORE_ROUNDS:-$rounds}

has() { command -v "$1" > /dev/null; }
missing=()
has mkfs.ext4 || missing+=(e2fsprogs)
if [ "$million" = no ]; then
    has gcc || missing+=(gcc libc6-dev)
    has strace || missing+=(strace)
    has php || missing+=(php-cli)
fi
[ "${#missing[@]}" -eq 0 ] || "$root/nginx/packages.sh" "${missing[@]}"
[ "$build" = no ] || swift build --package-path "$root" -c release --product store-stress
bin=${PARANOID_BIN_DIR:-$(swift build --package-path "$root" -c release --show-bin-path)}
[ -x "$bin/store-stress" ] || { echo "store.sh: no $bin/store-stress; try --build" >&2; exit 1; }

work=$(mktemp -d)
mounts=()
clean_up() {
    trap '' INT TERM
    local place
    for place in "${mounts[@]}"; do umount "$place" 2> /dev/null || umount -l "$place" || true; done
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# MARK: Where

places=(ext4 tmpfs)
mkdir "$work/ext4" "$work/tmpfs"
mount_all() {
    [ "$(id -u)" -eq 0 ] || return 1
    truncate -s "$image_size" "$work/image"
    local inodes=()
    [ "$million" = no ] || inodes=(-N 1200000)
    # The inode tables at once, or the kernel writes them while we measure.
    mkfs.ext4 -q -F -O has_journal -E lazy_itable_init=0,lazy_journal_init=0 ${inodes[@]+"${inodes[@]}"} "$work/image" || return 1
    mount -o loop "$work/image" "$work/ext4" || return 1
    mounts+=("$work/ext4")
    [ "$million" = no ] || return 0
    mount -t tmpfs -o mode=700 tmpfs "$work/tmpfs" || return 1
    mounts+=("$work/tmpfs")
}
if ! mount_all; then
    echo "store.sh: nothing can be mounted here (that needs root and loop devices); measured in ${TMPDIR:-/tmp}, $(stat -f -c %T "$work")"
    places=(ext4)
fi
[ "$million" = no ] || places=(ext4)

# Runs a program in a fresh directory of a place: bench PLACE ours|C|PHP SESSIONS OPERATIONS [ROW].
bench() {
    local directory=$work/$1/$2 status=0
    mkdir "$directory"
    case "$2" in
    ours) ${trace[@]+"${trace[@]}"} "$bin/store-stress" bench "$directory" "$3" --operations "$4" ${5:+--only "$5"} || status=$? ;;
    C) ${trace[@]+"${trace[@]}"} "$work/store" "$directory" "$3" "$4" ${5:+"$5"} || status=$? ;;
    PHP) ${trace[@]+"${trace[@]}"} php "$here/store.php" "$directory" "$3" "$4" ${5:+"$5"} || status=$? ;;
    esac
    rm -rf "$directory"
    return "$status"
}
trace=()

median() { sort -n | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)]; else print "–" }'; }
# cell FILE ROW COLUMN: the median of a column (3 calls, 4 median, 5 p99, 6 CPU) over the rounds.
cell() { awk -F ' *[|] *' -v row="$2" -v column="$3" '$2 == row { print $column }' "$1" 2> /dev/null | median; }
verified() { ! grep -q '| NO |' "$1" && grep -q "^| $2 |.*| yes |\$" "$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 > 0 && a != "–") printf "%.2f", a / b; else printf "–" }'; }
passed=0 failed=0
count() { if [ "$1" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }

# MARK: A million

if [ "$million" = yes ]; then
    for size in 1000 "$many"; do
        mkdir "$work/ext4/$size"
        stdbuf -oL "$bin/store-stress" bench "$work/ext4/$size" "$size" --operations 20000 --working-set 1000 --sweep-effect --leave \
            --only read,read-cold,commit,commit-cold,sweep-first,sweep > "$work/$size" || true
    done
    echo "$many sessions against 1000; 20 000 calls each. \"read\" and \"commit\" use 1000 sessions again and again, \"cold\" ones are"
    echo "anywhere in the store; \"-while-sweeping\" while another process sweeps without a pause, \"-unswept\" without it."
    echo
    echo "| operation | median µs, 1000 | median µs, $many | ratio | p99 µs, 1000 | p99 µs, $many | CPU µs, 1000 | CPU µs, $many |"
    echo "|---|---|---|---|---|---|---|---|"
    for row in read read-cold commit commit-cold read-unswept read-while-sweeping commit-unswept commit-while-sweeping sweep-first sweep; do
        small=$work/1000 large=$work/$many
        echo "| $row | $(cell "$small" $row 4) | $(cell "$large" $row 4) | $(ratio "$(cell "$large" $row 4)" "$(cell "$small" $row 4)") |" \
            "$(cell "$small" $row 5) | $(cell "$large" $row 5) | $(cell "$small" $row 6) | $(cell "$large" $row 6) |"
        if verified "$small" "$row" && verified "$large" "$row"; then count yes; else count no; fi
    done
    echo
    awk -v each="$(cell "$work/$many" sweep 4)" 'BEGIN { if (each + 0 > 0) printf "A full sweep of the large store: %.0f files per second.\n\n", 1e6 / each }'
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
fi

# MARK: Beside C and PHP

gcc -O2 -o "$work/store" "$here/store.c"
for round in $(seq "$rounds"); do
    for place in "${places[@]}"; do
        for program in ours C PHP; do
            bench "$place" "$program" "$sessions" "$sessions" >> "$work/$place.$program" || echo "store.sh: $program failed on $place" >&2
        done
    done
done

# All operations of each program under strace.
for program in ours C PHP; do
    trace=(strace -f -o "$work/$program.strace")
    bench "${places[-1]}" "$program" "$traced" 50 > "$work/$program.traced" 2> /dev/null || true
done
trace=()

# calls PROGRAM ROW: "total|names" of the system calls of one operation: those between the marks that the programs set.
calls() {
    awk -v row="$2" -v units="$(cell "$work/$1.traced" "$2" 3)" '
        index($0, "store-bench:begin:" row "\"") { counts = 1; next }
        /store-bench:end/ { counts = 0; next }
        $2 ~ /^(clock_gettime|getrusage)\(/ { next }  # that is the measuring
        counts && match($2, /^[a-z0-9_]+\(/) { each[substr($2, 1, RLENGTH - 1)]++ }
        END {
            if (units + 0 <= 0) exit
            for (name in each) {
                total += each[name]
                number = sprintf("%.1f", each[name] / units)
                sub(/\.0$/, "", number)
                if (number > 0) list = list (list ? ", " : "") (number == "1" ? "" : number " ") name
            }
            printf "%.1f|%s\n", total / units, list
        }' "$work/$1.strace"
}

# Our row and the one of the others it is compared with.
rows=(read:read read-changed:read read-cold:read commit:commit commit-cold:commit create:create rotate:rotate end:end sweep-first:sweep sweep:sweep sweep-expired:end)
has_row() { grep -q "^| $2 |" "$work/${places[0]}.$1" 2> /dev/null; }

echo "$sessions sessions of 500 bytes, median of $rounds rounds; CPU µs per operation on ${places[*]}"
echo
echo "| operation | calls: ours | C | PHP | ours µs | C µs | PHP µs | ours / C |"
echo "|---|---|---|---|---|---|---|---|"
for pair in "${rows[@]}"; do
    row=${pair%:*} other=${pair#*:} good=yes
    line="| $row |"
    for program in ours C PHP; do
        name=$other
        [ "$program" != ours ] || name=$row
        if ! has_row "$program" "$name"; then
            line+=" – |"
            continue
        fi
        [ -s "$work/calls.$program.$name" ] || calls "$program" "$name" > "$work/calls.$program.$name"
        line+=" $(cut -d '|' -f 1 "$work/calls.$program.$name") |"
    done
    for program in ours C PHP; do
        name=$other
        [ "$program" != ours ] || name=$row
        cells=''
        for place in "${places[@]}"; do
            cells+="${cells:+ / }$(cell "$work/$place.$program" "$name" 6)"
            # PHP does not sweep.
            if [ "$program:$name" != PHP:sweep ]; then verified "$work/$place.$program" "$name" || good=no; fi
        done
        line+=" $cells |"
    done
    cells=''
    for place in "${places[@]}"; do
        cells+="${cells:+ / }$(ratio "$(cell "$work/$place.ours" "$row" 6)" "$(cell "$work/$place.C" "$other" 6)")"
    done
    echo "$line $cells |"
    count "$good"
done

echo
echo "| operation (wall µs on ${places[0]}) | ours: median | p99 | C: median | p99 | PHP: median | p99 |"
echo "|---|---|---|---|---|---|---|"
for pair in "${rows[@]}"; do
    row=${pair%:*} other=${pair#*:}
    line="| $row |"
    for program in ours C PHP; do
        name=$other
        [ "$program" != ours ] || name=$row
        line+=" $(cell "$work/${places[0]}.$program" "$name" 4) | $(cell "$work/${places[0]}.$program" "$name" 5) |"
    done
    echo "$line"
done

echo
echo "| operation | system calls of one: ours | C | PHP |"
echo "|---|---|---|---|"
for pair in "${rows[@]}"; do
    row=${pair%:*} other=${pair#*:}
    echo "| $row | $(cut -d '|' -f 2 "$work/calls.ours.$row") | $(cut -d '|' -f 2 "$work/calls.C.$other" 2> /dev/null) |" \
        "$(cut -d '|' -f 2 "$work/calls.PHP.$other" 2> /dev/null) |"
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
