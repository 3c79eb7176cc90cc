// What the Glibc module does not offer about files. No _GNU_SOURCE here: it changes fd_set and breaks every importer.
#ifndef PARANOID_CLINUX_FILES_H
#define PARANOID_CLINUX_FILES_H

#include <stdint.h>
#include <sys/types.h>

/// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; openat(2) where the kernel has no openat2. Retried on EINTR.
int clinux_open_beneath(int directory, const char *path, int flags, mode_t mode);
/// Soft limit of RLIMIT_NOFILE, or -1.
int64_t clinux_descriptor_limit(void);
/// nftw(3): removes a directory and all below it as far as possible; follows no symbolic link.
void clinux_remove_tree(const char *path);

#endif
