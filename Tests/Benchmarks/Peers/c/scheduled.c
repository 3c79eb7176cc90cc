/*
 * libfcgi behind epoll(7): connections without a request hold no thread; no HTTP, no protection. The least that a server
 * with our scheduling costs.
 *
 *     cc -O2 -pthread -o scheduled scheduled.c -lfcgi
 *     ./scheduled SOCKET THREADS
 *
 * Nothing is kept for a connection but its registration with epoll, which ends by itself when libfcgi closes the
 * descriptor; so a number that is used again meanwhile leads nobody astray. SIGTERM ends the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include "socket.h"

static int listener = -1;
static int poll_descriptor = -1;

static void arm(int descriptor, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = descriptor};
    if (epoll_ctl(poll_descriptor, operation, descriptor, &event) != 0) close(descriptor);
}

static void take_connection(void)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor >= 0) arm(descriptor, EPOLL_CTL_ADD);
}

/* One request of a connection that has something to read. */
static void answer(FCGX_Request *request, int descriptor)
{
    static const char text[] =
        "Status: 200 OK\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 6\r\n"
        "\r\n"
        "hello\n";
    /* FCGX_Accept_r reads from a kept connection, and closes without waiting for the peer. */
    request->ipcFd = descriptor;
    request->keepConnection = 1;
    FCGX_Detach(request);
    if (FCGX_Accept_r(request) == 0) {
        char rest[4096];
        FCGX_PutStr(text, sizeof text - 1, request->out);
        /* What stays unread would be taken for the next request. */
        while (FCGX_GetStr(rest, sizeof rest, request->in) > 0) continue;
        FCGX_Finish_r(request);
        if (request->ipcFd >= 0) arm(request->ipcFd, EPOLL_CTL_MOD);
    }
    request->ipcFd = -1;
}

static void *serve(void *unused)
{
    (void)unused;
    FCGX_Request request;
    if (FCGX_InitRequest(&request, -1, 0) != 0) exit(1);
    for (;;) {
        struct epoll_event event;
        int ready = epoll_wait(poll_descriptor, &event, 1, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        if (ready != 1) continue;
        if (event.data.fd == listener)
            take_connection();
        else
            answer(&request, event.data.fd);
    }
    return NULL;
}

int main(int count, char **words)
{
    int threads = count == 3 ? atoi(words[2]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: scheduled SOCKET THREADS\n");
        return 2;
    }
    sigset_t stop;
    block_signals(&stop);
    if (FCGX_Init() != 0) return 1;
    listener = listen_on(words[1]);
    poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = listener};
    if (poll_descriptor < 0 || epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll");
    /* Another thread may take the connection first: nobody waits in accept. */
    if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    return serve_until(&stop, serve, threads, words[1]);
}
