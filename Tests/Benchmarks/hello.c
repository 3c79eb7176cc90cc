/*
 * The bare libfcgi "hello" that the benchmarks compare with: no scheduler, no HTTP, no sessions.
 *
 *     cc -O2 -pthread -o hello hello.c -lfcgi
 *     ./hello SOCKET THREADS
 *
 * One thread per connection, as libfcgi servers are usually written: each thread accepts, answers and finishes.
 * SIGTERM ends the process.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char answer[] =
    "Status: 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 6\r\n"
    "\r\n"
    "hello\n";

static int listener = -1;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "hello: path too long: %s\n", path);
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

static void *serve(void *unused)
{
    (void)unused;
    FCGX_Request request;
    if (FCGX_InitRequest(&request, listener, 0) != 0) {
        fprintf(stderr, "hello: FCGX_InitRequest failed\n");
        exit(1);
    }
    while (FCGX_Accept_r(&request) == 0) {
        FCGX_PutStr(answer, sizeof answer - 1, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int count, char **words)
{
    int threads = count == 3 ? atoi(words[2]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: hello SOCKET THREADS\n");
        return 2;
    }
    /* libfcgi's own handler would let a server of several threads survive SIGTERM: signals wait for main only. */
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);

    if (FCGX_Init() != 0) {
        fprintf(stderr, "hello: FCGX_Init failed\n");
        return 1;
    }
    listener = listen_on(words[1]);
    for (int number = 0; number < threads; number++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) != 0) fail("pthread_create");
        pthread_detach(thread);
    }
    int signal_number;
    sigwait(&stop, &signal_number);
    unlink(words[1]);
    return 0;
}
