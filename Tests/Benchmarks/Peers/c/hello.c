/*
 * libfcgi as it is usually written: one thread for each connection; no HTTP, no protection.
 *
 *     cc -O2 -pthread -o hello hello.c -lfcgi
 *     ./hello SOCKET THREADS DIRECTORY
 *
 * /counter counts in a file of DIRECTORY that is named by the cookie `session` and locked with flock(2) meanwhile;
 * everything else is "hello". SIGTERM ends the process.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/random.h>
#include "socket.h"

enum { NAME_SIZE = 32, RECORD_SIZE = 500 };

static int listener = -1;
static int directory = -1;

static void hello(FCGX_Request *request)
{
    static const char answer[] =
        "Status: 200 OK\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 6\r\n"
        "\r\n"
        "hello\n";
    FCGX_PutStr(answer, sizeof answer - 1, request->out);
}

/* The value of the cookie, if it looks like one of ours: what reaches a path is checked. */
static int known_session(FCGX_Request *request, char name[NAME_SIZE + 1])
{
    const char *cookies = FCGX_GetParam("HTTP_COOKIE", request->envp);
    const char *found = cookies != NULL ? strstr(cookies, "session=") : NULL;
    if (found == NULL) return 0;
    found += strlen("session=");
    for (int i = 0; i < NAME_SIZE; i++) {
        if (!isxdigit((unsigned char)found[i])) return 0;
        name[i] = found[i];
    }
    name[NAME_SIZE] = 0;
    return 1;
}

static void counter(FCGX_Request *request)
{
    char name[NAME_SIZE + 1], field[80] = "";
    if (!known_session(request, name)) {
        uint8_t bytes[NAME_SIZE / 2];
        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) fail("getrandom");
        for (size_t i = 0; i < sizeof bytes; i++) sprintf(name + 2 * i, "%02x", bytes[i]);
        snprintf(field, sizeof field, "Set-Cookie: session=%s; Path=/; HttpOnly\r\n", name);
    }
    int file = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || flock(file, LOCK_EX) != 0) fail(name);
    char record[RECORD_SIZE] = "";
    if (pread(file, record, sizeof record, 0) < 0) fail("pread");
    long hits = strtol(record, NULL, 10) + 1;
    snprintf(record, sizeof record, "%ld", hits);
    if (pwrite(file, record, sizeof record, 0) != sizeof record) fail("pwrite");
    close(file); /* with its lock */
    char body[40];
    int length = snprintf(body, sizeof body, "{\"hits\":%ld}\n", hits);
    FCGX_FPrintF(request->out, "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", length, field, body);
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
        const char *target = FCGX_GetParam("REQUEST_URI", request.envp);
        if (target != NULL && strcmp(target, "/counter") == 0)
            counter(&request);
        else
            hello(&request);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int count, char **words)
{
    int threads = count == 4 ? atoi(words[2]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: hello SOCKET THREADS DIRECTORY\n");
        return 2;
    }
    sigset_t stop;
    block_signals(&stop);
    directory = open(words[3], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) fail(words[3]);
    if (FCGX_Init() != 0) {
        fprintf(stderr, "hello: FCGX_Init failed\n");
        return 1;
    }
    listener = listen_on(words[1]);
    return serve_until(&stop, serve, threads, words[1]);
}
