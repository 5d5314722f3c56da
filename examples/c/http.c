/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct text {
    const char* at;
    size_t size;
};

static const char* const spaces = " \t";

/* Cuts `rest` at the first `mark` and returns what was before it. */
static struct text cut(struct text* rest, const char* mark)
{
    const size_t length = strlen(mark);
    const char* found = memmem(rest->at, rest->size, mark, length);
    const struct text before = {rest->at, found ? (size_t)(found - rest->at) : rest->size};
    const size_t used = found ? before.size + length : rest->size;
    rest->at += used;
    rest->size -= used;
    return before;
}

static struct text trim(struct text text)
{
    while (text.size > 0 && strchr(spaces, text.at[0]))
        ++text.at, --text.size;
    while (text.size > 0 && strchr(spaces, text.at[text.size - 1]))
        --text.size;
    return text;
}

static bool same(struct text text, const char* word)
{
    return text.size == strlen(word) && strncasecmp(text.at, word, text.size) == 0;
}

/* The number of bytes a Content-Length names, or -1 for nonsense. */
static long length_of(struct text value)
{
    long number = 0;
    if (value.size == 0 || value.size > 9)
        return -1;
    for (size_t i = 0; i < value.size; ++i) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return -1;
        number = number * 10 + (value.at[i] - '0');
    }
    return number;
}

static bool parse_request_line(struct text line, struct http_request* request)
{
    const struct text method = cut(&line, " ");
    const struct text path = cut(&line, " ");
    if (method.size == 0 || path.size == 0 || line.size != 8 || memcmp(line.at, "HTTP/1.", 7) != 0)
        return false;
    request->path = path.at;
    request->path_size = path.size;
    request->head_only = same(method, "HEAD");
    request->keep_alive = line.at[7] != '0';
    return true;
}

/* 200, or the status to refuse with. */
static int parse_header(struct text line, struct http_request* request, long* body)
{
    const struct text name = cut(&line, ":");
    const struct text value = trim(line);
    if (same(name, "Connection"))
        request->keep_alive =
            same(value, "keep-alive") || (request->keep_alive && !same(value, "close"));
    else if (same(name, "Transfer-Encoding"))
        return 411; /* say the length, please */
    else if (same(name, "Content-Length") && (*body = length_of(value)) < 0)
        return 400;
    return 200;
}

int http_parse(const char* data, size_t size, size_t limit, struct http_request* request)
{
    const char* end = memmem(data, size, "\r\n\r\n", 4);
    if (end == NULL)
        return size < limit ? 0 : 431;
    struct text head = {data, (size_t)(end - data)};
    long body = 0;
    if (!parse_request_line(cut(&head, "\r\n"), request))
        return 400;
    while (head.size > 0) {
        const int status = parse_header(cut(&head, "\r\n"), request, &body);
        if (status != 200)
            return status;
    }
    request->size = (size_t)(end - data) + 4 + (size_t)body;
    if (request->size > limit)
        return 413;
    return request->size <= size ? 200 : 0;
}

static const char* reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Unknown";
    }
}

size_t http_answer(char* out, size_t room, int status, const char* body, bool head_only,
                   bool keep_alive)
{
    const int size =
        snprintf(out, room,
                 "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                 "Connection: %s\r\n\r\n%s",
                 status, reason_of(status), strlen(body), keep_alive ? "keep-alive" : "close",
                 head_only ? "" : body);
    return size > 0 && (size_t)size < room ? (size_t)size : 0;
}
