// The user and groups of processes and peers, and the database of users.
#ifndef PARANOID_CLINUX_IDENTITY_H
#define PARANOID_CLINUX_IDENTITY_H

#include <stddef.h>
#include <sys/types.h>

/// The supplementary groups of a unix socket's peer (SO_PEERGROUPS), at most `count`. How many, or -1.
int clinux_peer_groups(int socket, gid_t *groups, size_t count);

/// getpwnam_r(3). 1: found; 0: there is none; -1: the database cannot be read.
int clinux_find_user(const char *name, uid_t *user, gid_t *group);
/// getpwuid_r(3); the name is cut at `size`. As above.
int clinux_find_user_number(uid_t user, char *name, size_t size, gid_t *group);
/// getgrnam_r(3). As above.
int clinux_find_group(const char *name, gid_t *group);

/// Takes the supplementary groups of `name` (only `group` if NULL), for all threads (initgroups(3)). 0 or -1.
int clinux_take_groups(gid_t group, const char *name);
/// Has this thread reach files as that user and group (setfsuid(2), setfsgid(2)). 0, or -1 if it may not.
int clinux_take_file_rights(uid_t user, gid_t group);

/// Gives up root for good in all threads: groups of `name` (only `group` if NULL), setresgid(2), setresuid(2), PR_SET_NO_NEW_PRIVS.
/// 0; -1 if a call failed; -2 if the former identity could be regained.
int clinux_drop_privileges(uid_t user, gid_t group, const char *name);

/// Sends one datagram to a unix socket; a path that begins with @ is an abstract one (unix(7)). 0 or -1.
int clinux_notify(const char *path, size_t path_length, const void *message, size_t length, int wait);

#endif
