// What the Glibc module does not offer. No _GNU_SOURCE here: it changes fd_set and breaks every importer.
#ifndef PARANOID_CLINUX_H
#define PARANOID_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>

/// accept4(2) with SOCK_CLOEXEC; the peer's address is not wanted. `nonblocking` adds SOCK_NONBLOCK.
int clinux_accept(int listener, int nonblocking);
/// pidfd_open(2).
int clinux_pidfd_open(pid_t process);
/// pidfd_send_signal(2).
int clinux_pidfd_send_signal(int descriptor, int signal);
/// getrandom(2), retried until `count` bytes are there; -1 on failure.
int clinux_random(void *bytes, size_t count);
/// pthread_setname_np(3) for the calling thread; longer names are cut at 15 bytes.
void clinux_name_thread(const char *name);
/// Gives the calling thread the nice value of the process's first thread (setpriority(2)). Threads of libdispatch, on which Swift's tasks run,
/// set their own to 0, and threads and processes that they start would inherit that.
void clinux_take_process_priority(void);
/// gettid(2).
pid_t clinux_thread_id(void);
/// prctl(PR_SET_DUMPABLE, 0).
int clinux_forbid_dumps(void);
/// The f_type of statfs(2) for an open descriptor, or -1.
long clinux_filesystem_type(int descriptor);
/// statvfs(3): bytes and inodes, free ones for unprivileged users and all.
int clinux_filesystem_space(int descriptor, uint64_t *bytes_free, uint64_t *bytes, uint64_t *inodes_free, uint64_t *inodes);
/// Peer credentials of a unix socket (SO_PEERCRED).
int clinux_peer_credentials(int socket, pid_t *process, uid_t *user, gid_t *group);
/// renameat2(2) with RENAME_NOREPLACE.
int clinux_rename_exclusive(int from_directory, const char *from, int to_directory, const char *to);
/// Sends one descriptor with SCM_RIGHTS and one byte of data; MSG_DONTWAIT | MSG_NOSIGNAL. 0 or -1.
int clinux_send_descriptor(int socket, int descriptor, uint8_t tag);
/// Receives one descriptor (close-on-exec); MSG_DONTWAIT. The descriptor, -1 on failure, -2 at the end of the stream.
int clinux_receive_descriptor(int socket, uint8_t *tag);
/// timerfd_create(2) on CLOCK_MONOTONIC, non-blocking and close-on-exec.
int clinux_timer_create(void);
/// timerfd_settime(2): readable once after so many nanoseconds.
int clinux_timer_start(int timer, int64_t nanoseconds);

/// Values that Swift cannot see because they are casts or enum members in the system's headers.
static const uint32_t CLINUX_EPOLLIN = EPOLLIN;
static const uint32_t CLINUX_EPOLLRDHUP = 0x2000;
static const uint32_t CLINUX_EPOLLEXCLUSIVE = 1u << 28;
static const uint32_t CLINUX_EPOLLONESHOT = 1u << 30;
static const uint32_t CLINUX_EPOLLET = 1u << 31;

#endif
