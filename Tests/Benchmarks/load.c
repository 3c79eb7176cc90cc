/*
 * Clients of a web server for bench.py: connections that ask again as soon as they are answered and keep the cookies they get, as browsers do.
 *
 *     cc -O2 -o load load.c
 *     BENCH_COOKIES=FILE ./load PORT CONNECTIONS SECONDS PATH [OTHERS PATH]
 *
 * FILE has a Cookie field on each line, of a session each; a connection goes round those that are its own. Afterwards the file has the
 * cookies as they are then. OTHERS more connections ask for another path and are not counted; they take the sessions of
 * BENCH_OTHER_COOKIES, which may be the same file, and ask as often as they are answered, or BENCH_OTHER_RATE times a second in all. The last line is `result: requests µs p50 p99 failed`, with times in µs.
 */
#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { cookie_limit = 8, text_limit = 320, longest_time = 4000000 };

struct session {
    int count;
    char cookies[cookie_limit][text_limit]; /* name=value */
};

struct jar {
    const char *file;
    struct session *sessions;
    int count;
};

struct client {
    int descriptor, first, step, turn, is_counted;
    struct jar *jar;
    struct session *session;
    const char *path;
    double asked;
    size_t length;
    char buffer[16384];
};

static unsigned times[longest_time];
static long answers, failed;

/* Clients of a limited rate that may not ask yet, and when the next of them may. */
static struct client *idle[4096];
static int idle_count;
static double pause_time, due;

/* Replaces a cookie, or takes it away where it has no value. */
static void keep(struct session *session, const char *text, size_t length)
{
    const char *end = memchr(text, '=', length);
    if (end == NULL || length >= text_limit) return;
    size_t name = (size_t)(end - text) + 1;
    int place = 0;
    while (place < session->count && strncmp(session->cookies[place], text, name) != 0) place++;
    if (name == length) {
        if (place < session->count) memcpy(session->cookies[place], session->cookies[--session->count], text_limit);
        return;
    }
    if (place == cookie_limit) return;
    if (place == session->count) session->count++;
    memcpy(session->cookies[place], text, length);
    session->cookies[place][length] = 0;
}

static struct jar read_jar(const char *file)
{
    struct jar jar = {file, NULL, 0};
    if (file == NULL) return jar;
    FILE *lines = fopen(file, "r");
    if (lines == NULL) fail(file);
    char line[4096];
    while (fgets(line, sizeof line, lines) != NULL) {
        jar.sessions = realloc(jar.sessions, sizeof *jar.sessions * (size_t)(jar.count + 1));
        struct session *session = &jar.sessions[jar.count++];
        session->count = 0;
        for (char *word = strtok(line, "; \n"); word != NULL; word = strtok(NULL, "; \n")) keep(session, word, strlen(word));
    }
    fclose(lines);
    return jar;
}

static void write_jar(struct jar *jar)
{
    if (jar->file == NULL) return;
    FILE *lines = fopen(jar->file, "w");
    if (lines == NULL) fail(jar->file);
    for (int number = 0; number < jar->count; number++) {
        struct session *session = &jar->sessions[number];
        for (int place = 0; place < session->count; place++) fprintf(lines, "%s%s", place == 0 ? "" : "; ", session->cookies[place]);
        fputc('\n', lines);
    }
    fclose(lines);
}

static void ask(struct client *client)
{
    char text[4096];
    int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n", client->path);
    client->session = NULL;
    if (client->jar->count > 0) {
        client->session = &client->jar->sessions[(client->first + client->turn++ * client->step) % client->jar->count];
        for (int place = 0; place < client->session->count; place++)
            length += snprintf(text + length, sizeof text - (size_t)length, "%s%s", place == 0 ? "Cookie: " : "; ", client->session->cookies[place]);
        length += snprintf(text + length, sizeof text - (size_t)length, "\r\n");
    }
    length += snprintf(text + length, sizeof text - (size_t)length, "\r\n");
    client->length = 0;
    client->asked = now();
    if (send(client->descriptor, text, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
}

/* Asks again, at once or when its turn comes. */
static void go_on(struct client *client)
{
    if (client->is_counted || pause_time == 0) ask(client);
    else idle[idle_count++] = client;
}

/* Takes what the answer says, if all of it is there. */
static int take(struct client *client)
{
    char *bytes = client->buffer;
    bytes[client->length] = 0;
    char *end = strstr(bytes, "\r\n\r\n");
    if (end == NULL) return 0;
    size_t head = (size_t)(end + 4 - bytes);
    long body = -1;
    for (char *line = strstr(bytes, "\r\n"); line != NULL && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, "Content-Length:", 15) == 0) body = atol(line + 17);
    if (body >= 0 ? client->length < head + (size_t)body : memcmp(bytes + client->length - 5, "0\r\n\r\n", 5) != 0) return 0;
    for (char *line = strstr(bytes, "\r\n"); client->session != NULL && line != NULL && line < end; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "Set-Cookie:", 11) != 0) continue;
        const char *text = line + 13 + strspn(line + 13, " ");
        keep(client->session, text, strcspn(text, ";\r"));
    }
    if (client->is_counted) {
        double taken = (now() - client->asked) * 1e6;
        times[taken < longest_time ? (int)taken : longest_time - 1]++;
        answers++;
    }
    if (memcmp(bytes, "HTTP/1.1 200", 12) != 0) failed++;
    return 1;
}

static void connect_all(struct client *clients, int count, int port, int poll)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int number = 0; number < count; number++) {
        struct client *client = &clients[number];
        int one = 1;
        client->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->descriptor < 0 || connect(client->descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
        setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, client->descriptor, &event) != 0) fail("epoll_ctl");
        go_on(client);
    }
}

static int percentile(double part)
{
    long wanted = (long)((double)answers * part), seen = 0;
    for (int time = 0; time < longest_time; time++)
        if ((seen += times[time]) > wanted) return time;
    return longest_time;
}

int main(int count, char **words)
{
    if (count != 5 && count != 7) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS PATH [OTHERS PATH]\n");
        return 2;
    }
    int counted = atoi(words[2]), others = count == 7 ? atoi(words[5]) : 0;
    const char *file = getenv("BENCH_COOKIES"), *other = getenv("BENCH_OTHER_COOKIES");
    int is_shared = file != NULL && other != NULL && strcmp(file, other) == 0;
    struct jar jar = read_jar(file), second = read_jar(is_shared ? NULL : other);
    struct client *clients = calloc((size_t)(counted + others), sizeof *clients);
    for (int number = 0; number < counted + others; number++) {
        int is_counted = number < counted;
        clients[number].is_counted = is_counted;
        clients[number].path = words[is_counted ? 4 : 6];
        clients[number].jar = is_counted || is_shared ? &jar : &second;
        clients[number].first = is_counted ? number : number - counted;
        clients[number].step = is_counted ? counted : others;
    }
    const char *rate = getenv("BENCH_OTHER_RATE");
    if (rate != NULL) pause_time = 1 / atof(rate);
    if (others > 4096) return 2;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    double start = now(), end = start + atof(words[3]), time = due = start;
    connect_all(clients, counted + others, atoi(words[1]), poll);
    int waiting = counted + others;
    while (waiting > 0 && time < end + 5) {
        struct epoll_event events[64];
        /* Where a rate is kept, a turn comes often enough with the answers to the others. */
        for (; idle_count > 0 && time < end && due <= time; due += pause_time) ask(idle[--idle_count]);
        int number = epoll_wait(poll, events, 64, idle_count > 0 ? 1 : 1000);
        for (int index = 0; index < number; index++) {
            struct client *client = events[index].data.ptr;
            ssize_t length = recv(client->descriptor, client->buffer + client->length, sizeof client->buffer - 1 - client->length, 0);
            if (length <= 0) fail("recv");
            client->length += (size_t)length;
            if (!take(client)) continue;
            /* Every request is answered before the end, so that no new cookie is lost. */
            if (now() < end) go_on(client);
            else waiting--;
        }
        time = now();
        if (time >= end) {
            waiting -= idle_count;
            idle_count = 0;
        }
    }
    write_jar(&jar);
    write_jar(&second);
    printf("result: %ld %ld %d %d %ld\n", answers, (long)((time - start) * 1e6), percentile(0.5), percentile(0.99), failed + waiting);
    return 0;
}
