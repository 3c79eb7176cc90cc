#!/usr/bin/env bash
# Boots a Debian root with systemd as process 1, in namespaces of its own: `boot.sh ROOT`. Its network is empty but for lo.
#
# Ends when systemd ends; killed, it takes everything below it along.
set -euo pipefail

exec unshare --mount --uts --ipc --net --pid --cgroup --fork --kill-child --propagation private bash -euc '
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=0755 tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    mount --rbind /sys "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount --bind /dev "$root/dev"
    mkdir -p "$root/old"
    cd "$root"
    pivot_root . old
    umount -l /old
    hostname package-test
    export container=other
    exec /lib/systemd/systemd --system
' boot "$1"
