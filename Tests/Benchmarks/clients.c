/*
 * Clients of a web server that ask again as soon as they are answered, each over a connection of its own, and how often each was.
 *
 *     cc -O2 -o clients clients.c
 *     ./clients PORT CLIENTS SECONDS PATH
 *
 * Prints one line: clients, those without an answer, the least, mean and most answers of one, and answers that were not 200.
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

struct client {
    int descriptor;
    long answers, bad;
    size_t length;
    char buffer[8192];
};

static char request[512];

/* Whether the buffer holds a whole answer with a Content-Length. */
static int is_whole(struct client *client)
{
    client->buffer[client->length] = 0;
    char *end = strstr(client->buffer, "\r\n\r\n");
    char *field = strcasestr(client->buffer, "\r\nContent-Length:");
    if (end == NULL || field == NULL || field > end) return 0;
    return client->length >= (size_t)(end + 4 - client->buffer) + (size_t)atol(field + 17);
}

int main(int count, char **words)
{
    if (count != 5) {
        fprintf(stderr, "usage: clients PORT CLIENTS SECONDS PATH\n");
        return 2;
    }
    int number = atoi(words[2]);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", words[4]);
    struct client *clients = calloc((size_t)number, sizeof *clients);
    int poll = epoll_create1(0);
    if (clients == NULL || poll < 0) fail("set-up");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int index = 0; index < number; index++) {
        int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
        int one = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        clients[index].descriptor = descriptor;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)index};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
    }
    double end = now() + atof(words[3]);
    for (int index = 0; index < number; index++) {
        if (write(clients[index].descriptor, request, strlen(request)) < 0) fail("write");
    }
    while (now() < end) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, 100);
        for (int position = 0; position < ready; position++) {
            struct client *client = &clients[events[position].data.u32];
            ssize_t got = read(client->descriptor, client->buffer + client->length, sizeof client->buffer - 1 - client->length);
            if (got <= 0) {
                client->bad++;
                epoll_ctl(poll, EPOLL_CTL_DEL, client->descriptor, NULL);
                continue;
            }
            client->length += (size_t)got;
            if (!is_whole(client)) continue;
            if (strncmp(client->buffer, "HTTP/1.1 200", 12) == 0) client->answers++; else client->bad++;
            client->length = 0;
            if (write(client->descriptor, request, strlen(request)) < 0) fail("write");
        }
    }
    long least = clients[0].answers, most = 0, sum = 0, bad = 0;
    int starved = 0;
    for (int index = 0; index < number; index++) {
        long answers = clients[index].answers;
        if (answers < least) least = answers;
        if (answers > most) most = answers;
        if (answers == 0) starved++;
        sum += answers;
        bad += clients[index].bad;
    }
    printf("clients: %d starved: %d least: %ld mean: %.1f most: %ld bad: %ld\n", number, starved, least, (double)sum / number, most, bad);
    return 0;
}
