#define _GNU_SOURCE
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

int clinux_peer_groups(int socket, gid_t *groups, size_t count) {
    socklen_t size = (socklen_t)(count * sizeof *groups);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) return -1;
    return (int)(size / sizeof *groups);
}

// Entries of directory services can be long, such as groups with thousands of members.
enum { longest_entry = 1 << 20 };

int clinux_find_user(const char *name, uid_t *user, gid_t *group) {
    struct passwd entry, *found = NULL;
    char *buffer = malloc(longest_entry);
    if (buffer == NULL) return -1;
    int failure = getpwnam_r(name, &entry, buffer, longest_entry, &found);
    if (found != NULL) {
        *user = entry.pw_uid;
        *group = entry.pw_gid;
    }
    free(buffer);
    return found != NULL ? 1 : failure == 0 || failure == ENOENT ? 0 : -1;
}

int clinux_find_user_number(uid_t user, char *name, size_t size, gid_t *group) {
    struct passwd entry, *found = NULL;
    char *buffer = malloc(longest_entry);
    if (buffer == NULL) return -1;
    int failure = getpwuid_r(user, &entry, buffer, longest_entry, &found);
    if (found != NULL) {
        strncpy(name, entry.pw_name, size - 1);
        name[size - 1] = 0;
        *group = entry.pw_gid;
    }
    free(buffer);
    return found != NULL ? 1 : failure == 0 || failure == ENOENT ? 0 : -1;
}

int clinux_find_group(const char *name, gid_t *group) {
    struct group entry, *found = NULL;
    char *buffer = malloc(longest_entry);
    if (buffer == NULL) return -1;
    int failure = getgrnam_r(name, &entry, buffer, longest_entry, &found);
    if (found != NULL) *group = entry.gr_gid;
    free(buffer);
    return found != NULL ? 1 : failure == 0 || failure == ENOENT ? 0 : -1;
}

int clinux_take_groups(gid_t group, const char *name) {
    return name != NULL ? initgroups(name, group) : setgroups(1, &group);
}

int clinux_take_file_rights(uid_t user, gid_t group) {
    // Back to root first where that is asked for: another user may not choose the group. The calls tell what was before, and -1 only asks.
    if (user == 0) setfsuid(user);
    setfsgid(group);
    setfsuid(user);
    return (uid_t)setfsuid((uid_t)-1) == user && (gid_t)setfsgid((gid_t)-1) == group ? 0 : -1;
}

int clinux_drop_privileges(uid_t user, gid_t group, const char *name) {
    if (clinux_take_groups(group, name) != 0) return -1;
    if (setresgid(group, group, group) != 0) return -1;
    if (setresuid(user, user, user) != 0) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0) return -1;
    if (real != user || effective != user || saved != user) return -2;
    // The proof: what must not work is tried.
    if (user != 0 && (setuid(0) == 0 || seteuid(0) == 0)) return -2;
    if (group != 0 && user != 0 && setgid(0) == 0) return -2;
    return 0;
}

int clinux_notify(const char *path, size_t path_length, const void *message, size_t length, int wait) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path_length < 2 || path_length >= sizeof address.sun_path) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, path, path_length);
    // The length of an abstract name counts, as there is no zero byte at its end.
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length);
    if (path[0] == '@') {
        address.sun_path[0] = 0;
    } else {
        size += 1;
    }
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    ssize_t sent = sendto(descriptor, message, length, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT), (struct sockaddr *)&address, size);
    int saved = errno;
    close(descriptor);
    errno = saved;
    return sent == (ssize_t)length ? 0 : -1;
}
