// What the Glibc module does not offer about files. No _GNU_SOURCE here: it changes fd_set and breaks every importer.
#ifndef PARANOID_CLINUX_FILES_H
#define PARANOID_CLINUX_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; openat(2) where the kernel has no openat2. Retried on EINTR. Leaves the
/// time of access of files alone where it may.
int clinux_open_beneath(int directory, const char *path, int flags, mode_t mode);
/// Whether a file system, or a part of one, is mounted at a path (statx(2)). 1, 0, or -1 where that cannot be known.
int clinux_is_mount_point(const char *path);
/// Soft limit of RLIMIT_NOFILE, or -1.
int64_t clinux_descriptor_limit(void);
/// Raises the soft limit towards the hard one, at most to that many. The soft limit afterwards, or -1.
int64_t clinux_raise_descriptor_limit(int64_t most);
/// getdents64(2): the next entries of a directory as `struct linux_dirent64`. How many bytes, 0 at the end, -1 on failure.
ssize_t clinux_read_directory(int directory, void *entries, size_t size);
/// Opens an entry of a directory for reading; follows no link, waits for nobody, leaves the time of access alone. The descriptor or -1.
int clinux_open_entry(int directory, const char *name);
/// Sets the time of modification of an open file (futimens(2)), in nanoseconds since the Unix epoch; to now for `INT64_MIN`. 0 or -1.
int clinux_set_modification_time(int file, int64_t nanoseconds);
/// nftw(3): removes a directory and all below it as far as possible; follows no symbolic link.
void clinux_remove_tree(const char *path);

#endif
