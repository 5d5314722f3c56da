/* SPDX-License-Identifier: MIT */
/* ostler.h — join a pool of ostlerd as a worker.
 *
 * A worker asks for its listening sockets, says when it is ready, and then takes connections one
 * by one until it is told to drain. Whether ostlerd accepts them and hands them over, or the
 * workers share the listening socket, is decided by the spec and looks the same from here.
 *
 *     ostler_worker *worker = NULL;
 *     uint32_t web = 0;
 *     int rc = ostler_worker_open(&worker);
 *     if (rc == 0)
 *         rc = ostler_worker_listen(worker, NULL, 10000, &web);
 *     if (rc == 0)
 *         rc = ostler_worker_ready(worker);
 *     for (ostler_event event = OSTLER_EVENT_INIT; rc == 0;) {
 *         rc = ostler_worker_next(worker, &event, -1);
 *         if (rc < 0 || event.type == OSTLER_STOP)
 *             break;
 *         if (event.type == OSTLER_CONNECTION) {
 *             serve(event.fd);                               // ours now: serve() closes it
 *             rc = ostler_worker_done(worker, event.connection);
 *         }                                                  // unknown types: a newer daemon; skip
 *     }
 *     ostler_worker_close(worker);                           // NULL is fine
 *     return rc < 0 && rc != -EPIPE;
 *
 * Conventions
 *  1. Functions return 0 or more on success, a negative errno on failure. They never print, exit
 *     (but for ostler_worker_kill()), abort or raise SIGPIPE. A NULL or otherwise senseless
 * argument is -EINVAL.
 *  2. A handle belongs to one thread at a time. Two threads may use two handles. There is one
 *     handle in a process, as there is one channel; a forked child must not use its parent's.
 *  3. "Gives" means the receiver must close or free; "lends" means look, do not keep or close.
 *  4. Every function that may wait has a timeout in milliseconds: 0 does not wait, -1 waits for
 *     ever, -ETIMEDOUT says that nothing came. A signal does not end a wait.
 *  5. -EPIPE from any function means that ostlerd has gone, or let this worker go: finish what runs
 *     and end with status 0. It does not change any more.
 *  6. Structures grow at their end; their first field says how much of them the caller knows.
 *     Types of events that this header does not name are to be skipped.
 */
#ifndef OSTLER_H
#define OSTLER_H

#include <stdint.h>
#include <sys/socket.h>

#define OSTLER_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ostler_worker ostler_worker;

/* "0.1.0": of the library that is loaded. */
OSTLER_API const char* ostler_version(void);

/* ---- Joining ---------------------------------------------------------------------------------*/

/* Joins the ostlerd that started this process. Gives *out, to be closed with ostler_worker_close().
 * Takes OSTLER_CHANNEL_FD out of the environment, so that programs started from here do not
 * take themselves for workers. Call it before other threads start.
 * -ENXIO when no ostlerd started us: run standalone or say so. -EBADF when the variable names no
 * channel. -EPROTONOSUPPORT when ostlerd speaks no version of ours. -ETIMEDOUT after a minute
 * without an answer. On failure *out is NULL. */
OSTLER_API int ostler_worker_open(ostler_worker** out);

/* Leaves without a word and frees everything, the listeners and their descriptors included.
 * Connections that were given stay open. NULL is fine. */
OSTLER_API void ostler_worker_close(ostler_worker* worker);

/* Who we are. Strings are lent until close. ostler_worker_socket() names the sockets that the spec
 * lists for this pool, from 0; NULL past the last one. */
OSTLER_API uint64_t ostler_worker_id(const ostler_worker* worker);
OSTLER_API uint32_t ostler_worker_slot(const ostler_worker* worker);
OSTLER_API uint32_t ostler_worker_generation(const ostler_worker* worker);
OSTLER_API const char* ostler_worker_pool(const ostler_worker* worker);
OSTLER_API const char* ostler_worker_socket(const ostler_worker* worker, uint32_t index);

/* The sentence that ostlerd gave with its last refusal, for a log; "" when there was none. Lent
 * until the next call. */
OSTLER_API const char* ostler_worker_reason(const ostler_worker* worker);

/* ---- Listening -------------------------------------------------------------------------------*/

/* Asks for the socket that the spec calls `name`; NULL means the pool's only one. Waits for the
 * answer, usually under a millisecond. *listener is its number in this worker.
 * -ENOENT when the pool has no such socket, -EINVAL when `name` is NULL and there are several (or
 * none), -EMFILE at the 65th, or the error that ostlerd answered with. After -ETIMEDOUT a late
 * answer is given back by itself. */
OSTLER_API int ostler_worker_listen(ostler_worker* worker, const char* name, int timeout_ms,
                                    uint32_t* listener);

enum ostler_address_flags {
    OSTLER_V6ONLY = 1, /* an IPv6 address, [::] above all, takes no IPv4 */
    /* We bind it ourselves, with our own rights, and share it with nobody: ostlerd is not asked and
     * tells nobody of it. It is closed when we are told to go. */
    OSTLER_EXCLUSIVE = 2
};

typedef struct ostler_address {
    uint32_t size; /* sizeof(ostler_address), by OSTLER_ADDRESS_INIT */
    uint32_t flags;
    /* "tcp://127.0.0.1:8080", "tcp://[::1]:8080", "udp://…", "unix:/run/app.sock", "unix:app.sock"
     * (in our folder), "unix:@name", or "fd:3": the socket of that number that ostlerd was passed
     * by its service manager, if the spec gives it to our pool. The host is an address in numbers,
     * or * for all that the machine has, IPv6 and IPv4. At most 128 bytes. */
    const char* text;
    uint32_t backlog; /* 0: ostlerd's usual one. The first worker that asks decides */
    uint32_t reserved[5];
} ostler_address;

#ifdef __cplusplus
#define OSTLER_ADDRESS_INIT                                                                        \
    ostler_address                                                                                 \
    {                                                                                              \
        sizeof(ostler_address), 0, 0, 0, {}                                                        \
    }
#else
#define OSTLER_ADDRESS_INIT                                                                        \
    {                                                                                              \
        sizeof(ostler_address), 0, 0, 0,                                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#endif

/* Asks for a socket at an address of our own choice, which the workers of the pool that ask for the
 * same share. Port 0 is a free one: the first that each worker asks for at an address is the same
 * for all, the second is another, and so on. ostlerd binds; it closes the socket, and removes the
 * file of a Unix socket, when no worker has it any more and none that had it is about to be
 * started again. An address of the spec gives that socket.
 * -EACCES when the pool's `listen_allow` or the system forbids it, -EADDRINUSE when somebody else
 * has it, or we have already, -EADDRNOTAVAIL, -EINVAL for what is no address, -EMFILE at the 65th;
 * ostler_worker_reason() has the sentence. It may be tried again. */
OSTLER_API int ostler_worker_listen_at(ostler_worker* worker, const ostler_address* address,
                                       int timeout_ms, uint32_t* listener);

/* As bound: "tcp://127.0.0.1:8080", "unix:/run/app.sock". Lent until the listener is closed. */
OSTLER_API const char* ostler_listener_address(const ostler_worker* worker, uint32_t listener);

/* How connections come. You need it only to decide about ostler_listener_fd(). */
enum ostler_kind {
    OSTLER_QUEUE = 1,   /* ostlerd accepts and hands over */
    OSTLER_SHARED = 2,  /* the library accepts from a socket that all workers hold */
    OSTLER_DATAGRAM = 3 /* a UDP socket: nothing to accept, use its descriptor */
};
OSTLER_API int ostler_listener_kind(const ostler_worker* worker, uint32_t listener);

/* Lends the socket itself, for OSTLER_DATAGRAM and OSTLER_SHARED. The library does not accept from
 * it any more: you do. Others hold it too, so do not rely on its O_NONBLOCK (somebody may clear it)
 * and never shut it down. -EOPNOTSUPP for OSTLER_QUEUE. */
OSTLER_API int ostler_listener_fd(ostler_worker* worker, uint32_t listener);

/* Stops listening there. What waits for us goes to other workers. */
OSTLER_API int ostler_worker_close_listener(ostler_worker* worker, uint32_t listener);

/* ---- Serving ---------------------------------------------------------------------------------*/

/* "I am fully started", for pools whose spec says `ready: {when: notify}`; harmless elsewhere. */
OSTLER_API int ostler_worker_ready(ostler_worker* worker);

enum ostler_event_type {
    /* A connection: gives `fd`, which is non-blocking and close-on-exec. `connection` is its id in
     * this worker, for ostler_worker_done(); `listener` and `peer` say from where. ostlerd may
     * still have it open for a moment: take it out of an epoll set before you close it. */
    OSTLER_CONNECTION = 1,
    /* Nothing new will come. Finish what runs within `milliseconds`; say "Connection: close" where
     * the protocol has such a thing. ostlerd has been told already that we take nothing more. */
    OSTLER_DRAIN = 2,
    /* End now: every connection is done after a drain, or its time has passed. Comes once. */
    OSTLER_STOP = 3,
    /* The socket behind ostler_listener_fd(`listener`) was shut down by someone who held it; `fd`
     * (lent) takes its place. The old descriptor stays open until the next ostler_worker_next(), so
     * that you can take it out of your loop. */
    OSTLER_REPLACED = 4,
    /* Another worker, or a controller, has something to say: `message`, lent with all it points to
     * until the next ostler_worker_next(). Gives `fd`, unless it is -1: close it, wanted or not. */
    OSTLER_MESSAGE = 5
};

/* ---- What is said: ostler_worker_send() below, OSTLER_MESSAGE above ---- */

enum ostler_party {
    OSTLER_CONTROLLERS = 0, /* to: programs on the control socket that listen. From: one of them */
    OSTLER_WORKER = 1,      /* the worker with the id `worker`, of pool `pool` */
    OSTLER_POOL = 2,        /* to: all workers of `pool` but ourselves */
    OSTLER_ALL = 3          /* to: all workers of all pools but ourselves */
};
enum ostler_content {
    OSTLER_BYTES = 0,
    OSTLER_JSON = 1 /* a JSON text in UTF-8; nobody has checked that */
};
enum ostler_message_flags {
    OSTLER_KEEP_OPEN = 1, /* to: our copy of `fd` stays open */
    OSTLER_CONFIRM = 2,   /* to: wait until ostlerd says how many it went to */
    OSTLER_FD_LOST = 4    /* from: a descriptor came, but our limit was reached */
};

typedef struct ostler_message {
    uint32_t size; /* sizeof(ostler_message), by OSTLER_MESSAGE_INIT */
    uint32_t kind; /* enum ostler_party: whom it is for, or whom it is from */
    uint64_t worker;
    const char* pool;
    uint32_t content;
    uint32_t flags;
    const void* data;
    uint64_t length;
    int32_t fd; /* -1: none */
    uint32_t reserved[5];
} ostler_message;

#ifdef __cplusplus
#define OSTLER_MESSAGE_INIT                                                                        \
    ostler_message                                                                                 \
    {                                                                                              \
        sizeof(ostler_message), 0, 0, 0, 0, 0, 0, 0, -1, {}                                        \
    }
#else
#define OSTLER_MESSAGE_INIT                                                                        \
    {                                                                                              \
        sizeof(ostler_message), 0, 0, 0, 0, 0, 0, 0, -1,                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#endif

typedef struct ostler_event {
    uint32_t size; /* sizeof(ostler_event), by OSTLER_EVENT_INIT */
    uint32_t type;
    uint64_t connection;
    int32_t fd; /* -1 unless the type has one */
    uint32_t listener;
    uint32_t milliseconds;
    uint32_t peer_size;           /* as accept() said it; 0 when unknown */
    struct sockaddr_storage peer; /* what accept() gave */
    const ostler_message* message;
    uint64_t reserved[3]; /* zero */
} ostler_event;

#ifdef __cplusplus
#define OSTLER_EVENT_INIT                                                                          \
    ostler_event                                                                                   \
    {                                                                                              \
        sizeof(ostler_event), 0, 0, -1, 0, 0, 0, {}, 0, {}                                         \
    }
#else
#define OSTLER_EVENT_INIT                                                                          \
    {                                                                                              \
        sizeof(ostler_event), 0, 0, -1, 0, 0, 0, {0}, 0,                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#endif

/* Waits for the next event and fills *event. Listeners are read fairly, one connection a call.
 * While it waits the worker counts as idle, from its return as busy: see ostler_worker_busy().
 * Close to the limit of open files (eight are left to the program) it takes no connections until
 * some are closed; they wait, or go to other workers. */
OSTLER_API int ostler_worker_next(ostler_worker* worker, ostler_event* event, int timeout_ms);

/* This connection (its descriptor is closed, by you) is finished. -EINVAL when more are said to be
 * done than were given. A drain ends early thanks to it. */
OSTLER_API int ostler_worker_done(ostler_worker* worker, uint64_t connection);

/* ---- Talking ---------------------------------------------------------------------------------*/

/* Sends a message of at most 16 MiB to other workers or to controllers, in order. 0 when it is on
 * its way: what the channel had no room for was copied and goes with the next calls. -EAGAIN when
 * there was no room at all within the time (ostlerd is slower than we are) and nothing was sent.
 * Whatever it returns but -EAGAIN and -EINVAL, message->fd is closed, unless OSTLER_KEEP_OPEN says
 * otherwise.
 *
 * With OSTLER_CONFIRM it waits for ostlerd's answer and returns how many got it: -ESRCH for nobody,
 * -ENOBUFS when too much waits for the recipient already, -EMSGSIZE when its pool, or ours, allows
 * no messages of this length; ostler_worker_reason() has the sentence. -ETIMEDOUT, -ECONNRESET
 * (another ostlerd took over) and -EDEADLK (16 MiB of messages to us came before the answer: take
 * them first) leave open whether it arrived. Without OSTLER_CONFIRM, what ostlerd cannot deliver is
 * lost with a line in its log. */
OSTLER_API int ostler_worker_send(ostler_worker* worker, const ostler_message* message,
                                  int timeout_ms);

/* ---- Going -----------------------------------------------------------------------------------*/

/* Goes of its own will, in three ways; none is started again. What waits for us goes to others.
 *
 * Disconnect returns at once: nothing more is taken, and ostlerd knows. When every connection that
 * was taken is done, ostler_worker_next() gives OSTLER_STOP, and the channel has ended. Connections
 * that the program opened as a client are nobody's business. A second call has no effect. */
OSTLER_API int ostler_worker_disconnect(ostler_worker* worker);

/* Leave waits until ostlerd has let us go and ends the channel, whatever connections there are.
 * Afterwards finish what runs and end with status 0. */
OSTLER_API int ostler_worker_leave(ostler_worker* worker, int timeout_ms);

/* Kill does the same, and then exit(0): it does not return. After the channel's end it is just
 * that. -EINVAL without a worker. */
OSTLER_API int ostler_worker_kill(ostler_worker* worker);

/* 1 while there is a channel, as far as we have heard; 0 afterwards. */
OSTLER_API int ostler_worker_is_connected(const ostler_worker* worker);

/* 1 once somebody wanted this worker to go: ostlerd by a drain, or we ourselves. 0 when ostlerd has
 * gone without that, -1 as long as neither is so. */
OSTLER_API int ostler_worker_exited_after_disconnect(const ostler_worker* worker);

/* ---- With an event loop of your own -----------------------------------------------------------
 *
 * Two ways in. From the first call of either, the loop is yours, and so is saying busy and idle;
 * ostler_worker_next() does not say it any more. Call it with timeout 0 when the loop reports
 * something: once, as both ways are level-triggered, or until -ETIMEDOUT. */

/* Lends a descriptor that polls as readable when ostler_worker_next() has something to do. Good for
 * poll, select, libuv, Asio: anything. */
OSTLER_API int ostler_worker_fd(ostler_worker* worker);

/* For loops that are a bare epoll: everything to watch is put into `epoll_fd` (lent until close),
 * each with `data` as its data.u64. One system call less a connection, and of the workers that
 * share a socket only one is woken. -EEXIST when done before. */
OSTLER_API int ostler_worker_attach(ostler_worker* worker, int epoll_fd, uint64_t data);

/* Say idle just before the loop waits and busy just after it: ostlerd passes no connection to
 * a worker whose loop has not come back for a few milliseconds. Costs two stores into shared
 * memory. A loop that says neither is never passed over. */
OSTLER_API int ostler_worker_busy(ostler_worker* worker);
OSTLER_API int ostler_worker_idle(ostler_worker* worker);

#ifdef __cplusplus
}
#endif

#endif
