/* SPDX-License-Identifier: MIT */
/* The least of HTTP/1.1 that a server needs: requests found in a buffer, answers written into one.
 * No input or output here. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct http_request {
    const char* path; /* not terminated */
    size_t path_size;
    bool head_only;  /* HEAD: the answer has no body */
    bool keep_alive; /* the client wants to go on */
    size_t size;     /* bytes of the whole request, body included */
};

/* 0: not complete yet. 200: a request was found. Else the status to refuse with; the connection
 * cannot be understood any further then. A request must fit `limit` bytes. */
int http_parse(const char* data, size_t size, size_t limit, struct http_request* request);

/* Writes an answer and returns its size; 0 when there is no room for it. */
size_t http_answer(char* out, size_t room, int status, const char* body, bool head_only,
                   bool keep_alive);

#endif
