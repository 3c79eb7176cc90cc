#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_open_beneath(int directory, const char *path, int flags, mode_t mode) {
    struct open_how how = {
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    // Nobody asks when a file was read last, and to note it means to write its inode.
    if (!(flags & O_DIRECTORY)) flags |= O_NOATIME;
    while (1) {
        how.flags = (uint64_t)flags;
        int descriptor = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
        // EPERM: a filter of system calls that is older than openat2 (seccomp of containers).
        if (descriptor < 0 && (errno == ENOSYS || errno == EPERM)) descriptor = openat(directory, path, flags | O_NOFOLLOW, mode);
        // EPERM: only the owner of a file may leave the time alone (open(2)).
        if (descriptor < 0 && errno == EPERM && flags & O_NOATIME) {
            flags &= ~O_NOATIME;
            continue;
        }
        // EAGAIN: a rename somewhere made the kernel give up the race-free walk (openat2(2)).
        if (descriptor >= 0 || (errno != EINTR && errno != EAGAIN)) return descriptor;
    }
}

int clinux_is_mount_point(const char *path) {
    struct statx facts;
    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &facts) != 0) return -1;
    if (!(facts.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)) return -1;
    return (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int64_t clinux_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

int64_t clinux_raise_descriptor_limit(int64_t most) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    rlim_t wanted = limit.rlim_max < (rlim_t)most ? limit.rlim_max : (rlim_t)most;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    }
    return clinux_descriptor_limit();
}

ssize_t clinux_read_directory(int directory, void *entries, size_t size) {
    return syscall(SYS_getdents64, directory, entries, size);
}

int clinux_open_entry(int directory, const char *name) {
    return openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int clinux_set_modification_time(int file, int64_t nanoseconds) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    if (nanoseconds != INT64_MIN) {
        if (nanoseconds < 0) {
            errno = EINVAL;
            return -1;
        }
        times[1] = (struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    }
    return futimens(file, times);
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)kind, (void)place;
    remove(path);
    return 0;
}

void clinux_remove_tree(const char *path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
