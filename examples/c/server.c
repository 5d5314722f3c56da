/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http.h"

/* A client that was silent for this long when a drain began is let go. One that is just about to
 * ask again has the time to do so, and hears "Connection: close" in the answer. */
enum { goodbye_ms = 50 };

struct connection {
    struct connection* next;
    struct connection* previous;
    int fd;
    bool watched; /* by epoll */
    bool last;    /* nothing more is read: closed when all is sent */
    uint64_t id;  /* ostlerd's */
    size_t in_size;
    size_t out_size;
    size_t out_sent;
    char in[8192];
    char out[2048];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void end_connection(struct server* server, struct connection* it)
{
    /* Closing is not enough: whoever passed it to us may still have it open, and epoll would go on
     * telling of a connection that is gone. */
    if (it->watched)
        epoll_ctl(server->epoll, EPOLL_CTL_DEL, it->fd, NULL);
    close(it->fd);
    if (server->worker)
        ostler_worker_done(server->worker, it->id);
    if (it->next)
        it->next->previous = it->previous;
    if (it->previous)
        it->previous->next = it->next;
    else
        server->connections = it->next;
    free(it);
}

/* Answers the requests that have arrived, as far as there is room for answers. */
static void answer(const struct server* server, struct connection* it)
{
    size_t used = 0;
    while (!it->last) {
        struct http_request request = {0};
        const int status = http_parse(it->in + used, it->in_size - used, sizeof it->in, &request);
        if (status == 0)
            break;
        const bool keep = status == 200 && request.keep_alive && !server->draining;
        const size_t size =
            http_answer(it->out + it->out_size, sizeof it->out - it->out_size, status,
                        status == 200 ? server->greeting : "", request.head_only, keep);
        if (size == 0)
            break; /* no room: go on when the answers so far are sent */
        it->out_size += size;
        it->last = !keep;
        used += request.size;
    }
    memmove(it->in, it->in + used, it->in_size - used);
    it->in_size -= used;
}

/* 1 when all is sent, 0 when the client is slow, -1 when it is gone. */
static int send_answers(struct connection* it)
{
    while (it->out_sent < it->out_size) {
        const ssize_t sent =
            send(it->fd, it->out + it->out_sent, it->out_size - it->out_sent, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN ? 0 : -1;
        it->out_sent += (size_t)sent;
    }
    it->out_size = it->out_sent = 0;
    return 1;
}

/* Reads, answers and sends as far as it goes without waiting. False when the connection is over. */
static bool advance(const struct server* server, struct connection* it)
{
    bool read_all = false;
    for (;;) {
        do {
            answer(server, it);
            const bool idle = it->out_size == 0;
            const int sent = send_answers(it);
            if (sent <= 0)
                return sent == 0;
            if (idle)
                break;
        } while (!it->last && it->in_size > 0);
        if (it->last)
            return false;
        if (read_all)
            return true;
        const size_t room = sizeof it->in - it->in_size;
        const ssize_t got = recv(it->fd, it->in + it->in_size, room, 0);
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        it->in_size += (size_t)got;
        read_all = (size_t)got < room; /* epoll tells when there is more */
    }
}

static void serve(struct server* server, struct connection* it)
{
    if (!advance(server, it)) {
        end_connection(server, it);
    } else if (!it->watched) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data = {.ptr = it}};
        it->watched = true;
        if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, it->fd, &event) != 0)
            end_connection(server, it);
    }
}

/* The request is usually there already, so the first read does not wait for epoll. */
static void begin_connection(struct server* server, int fd, uint64_t id)
{
    struct connection* it = malloc(sizeof *it);
    if (it == NULL) {
        close(fd);
        if (server->worker)
            ostler_worker_done(server->worker, id);
        return;
    }
    memset(it, 0, offsetof(struct connection, in));
    it->fd = fd;
    it->id = id;
    it->next = server->connections;
    if (it->next)
        it->next->previous = it;
    server->connections = it;
    serve(server, it);
}

static void take_from_ostlerd(struct server* server)
{
    ostler_event event = OSTLER_EVENT_INIT;
    const int rc = ostler_worker_next(server->worker, &event, 0);
    if (rc == -ETIMEDOUT)
        return;
    if (rc < 0) {
        server->ended = true; /* ostlerd is gone */
        return;
    }
    switch (event.type) {
    case OSTLER_CONNECTION:
        begin_connection(server, event.fd, event.connection);
        break;
    case OSTLER_DRAIN:
        server->draining = true;
        server->goodbye_at = now_ms() + goodbye_ms;
        break;
    case OSTLER_STOP:
        server->ended = true;
        break;
    case OSTLER_MESSAGE: /* nobody has anything to tell us */
        if (event.fd >= 0)
            close(event.fd);
        break;
    default: /* a newer ostlerd's */
        break;
    }
}

static void take(struct server* server)
{
    if (server->worker) {
        take_from_ostlerd(server);
        return;
    }
    const int fd = accept4(server->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        begin_connection(server, fd, 0);
}

/* Closes the connections on which nothing is under way. */
static void say_goodbye(struct server* server)
{
    struct connection* next;
    for (struct connection* it = server->connections; it; it = next) {
        next = it->next;
        if (it->in_size == 0 && it->out_size == 0)
            end_connection(server, it);
    }
}

static int wait_for_events(struct server* server, struct epoll_event* events, int count)
{
    int timeout = -1;
    if (server->draining && server->goodbye_at != 0) {
        const int64_t left = server->goodbye_at - now_ms();
        timeout = left > 0 ? (int)left : 0;
    }
    if (server->worker)
        ostler_worker_idle(server->worker);
    const int got = epoll_wait(server->epoll, events, count, timeout);
    if (server->worker)
        ostler_worker_busy(server->worker);
    return got;
}

/* Events that carry the server itself mean: something to take. */
static int watch_for_connections(struct server* server)
{
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll < 0)
        return -errno;
    if (server->worker)
        return ostler_worker_attach(server->worker, server->epoll, (uint64_t)(uintptr_t)server);
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = (uint64_t)(uintptr_t)server}};
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listening, &event) == 0 ? 0 : -errno;
}

int server_run(struct server* server)
{
    const int rc = watch_for_connections(server);
    while (rc == 0 && !server->ended) {
        struct epoll_event events[64];
        const int count = wait_for_events(server, events, 64);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.u64 == (uint64_t)(uintptr_t)server)
                take(server);
            else
                serve(server, events[i].data.ptr);
        }
        if (server->draining && server->goodbye_at != 0 && now_ms() >= server->goodbye_at) {
            server->goodbye_at = 0;
            say_goodbye(server);
        }
    }
    while (server->connections)
        end_connection(server, server->connections);
    if (server->epoll >= 0)
        close(server->epoll);
    return rc;
}
