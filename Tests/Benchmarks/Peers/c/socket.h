/* What the servers in C have in common: a unix socket to listen on, and the wait for the signal that ends them. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "path too long: %s\n", path);
        exit(1);
    }
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) fail("socket");
    umask(0117); /* socket mode 0660 */
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(descriptor, 1024) != 0) fail("listen");
    return descriptor;
}

/* libfcgi's own handler would let a server of several threads survive SIGTERM: signals wait for the main thread only. */
static void block_signals(sigset_t *stop)
{
    sigemptyset(stop);
    sigaddset(stop, SIGTERM);
    sigaddset(stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, stop, NULL);
}

/* Serves with so many threads until the signal comes. */
static int serve_until(sigset_t *stop, void *(*serve)(void *), int threads, const char *path)
{
    for (int number = 0; number < threads; number++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) != 0) fail("pthread_create");
        pthread_detach(thread);
    }
    int signal_number;
    sigwait(stop, &signal_number);
    unlink(path);
    return 0;
}
