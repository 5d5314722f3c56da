/* SPDX-License-Identifier: MIT */
/* An HTTP server that is a worker of ostlerd, in C. Read this file first: it is all that joining
 * a pool takes. The serving is in server.c, which is where connections are taken.
 *
 * Without ostlerd it serves alone:  http-worker-c --listen 127.0.0.1:8080 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ostler.h>

#include "server.h"

static int fail(const char* what, int error)
{
    fprintf(stderr, "http-worker-c: %s: %s\n", what, strerror(-error));
    return 1;
}

/* Asks for every socket that the spec gives to this pool. */
static int listen_everywhere(ostler_worker* worker)
{
    const char* name;
    for (uint32_t i = 0; (name = ostler_worker_socket(worker, i)) != NULL; ++i) {
        uint32_t listener = 0;
        const int rc = ostler_worker_listen(worker, name, 10000, &listener);
        if (rc < 0) {
            fprintf(stderr, "http-worker-c: socket %s: %s (%s)\n", name, strerror(-rc),
                    ostler_worker_reason(worker));
            return rc;
        }
    }
    return 0;
}

static int serve_as_worker(ostler_worker* worker)
{
    struct server server = {.worker = worker, .listening = -1};
    snprintf(server.greeting, sizeof server.greeting, "hello from worker %llu (pid %d)\n",
             (unsigned long long)ostler_worker_id(worker), (int)getpid());
    int rc = listen_everywhere(worker);
    if (rc == 0)
        rc = ostler_worker_ready(worker);
    if (rc == 0)
        rc = server_run(&server);
    ostler_worker_close(worker);
    return rc < 0 && rc != -EPIPE ? fail("serving", rc) : 0;
}

/* "127.0.0.1:8080" to a listening socket, or a negative errno. */
static int listen_alone(const char* where)
{
    char host[64] = "";
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char* colon = strrchr(where, ':');
    if (colon == NULL || (size_t)(colon - where) >= sizeof host)
        return -EINVAL;
    memcpy(host, where, (size_t)(colon - where));
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -EINVAL;
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) == 0 && listen(fd, 1024) == 0)
        return fd;
    const int error = errno;
    close(fd);
    return -error;
}

static int serve_alone(const char* where)
{
    struct server server = {.listening = listen_alone(where)};
    if (server.listening < 0)
        return fail(where, server.listening);
    fprintf(stderr,
            "http-worker-c: no ostlerd started this process (examples/hello.yaml does); "
            "serving alone on %s\n",
            where);
    snprintf(server.greeting, sizeof server.greeting, "hello from pid %d, alone\n", (int)getpid());
    const int rc = server_run(&server);
    return rc < 0 ? fail("serving", rc) : 0;
}

int main(int argc, char** argv)
{
    const char* where = "127.0.0.1:8080";
    if (argc == 3 && strcmp(argv[1], "--listen") == 0) {
        where = argv[2];
    } else if (argc != 1) {
        fprintf(stderr, "usage: http-worker-c [--listen ADDRESS:PORT]\n");
        return 64;
    }
    ostler_worker* worker = NULL;
    const int rc = ostler_worker_open(&worker);
    if (rc == -ENXIO)
        return serve_alone(where);
    return rc < 0 ? fail("joining ostlerd", rc) : serve_as_worker(worker);
}
