/* SPDX-License-Identifier: MIT */
/* One epoll loop that serves the connections of a worker, or of a listening socket of its own. */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <ostler.h>

struct connection;

struct server {
    ostler_worker* worker; /* NULL: alone */
    int listening;         /* alone: our own socket */
    char greeting[80];     /* what every request is answered with */

    int epoll;
    struct connection* connections; /* all that are open */
    bool ended;
    bool draining;
    int64_t goodbye_at; /* draining: when silent connections are closed, in ms */
};

/* Serves until ostlerd says so. 0, or a negative errno when it could not begin. */
int server_run(struct server* server);

#endif
