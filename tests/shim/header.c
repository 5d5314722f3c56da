/* SPDX-License-Identifier: MIT */
/* Compiled as strict C11: the header asks for nothing more. */
#include <ostler.h>

int take_one(ostler_worker* worker);
int take_one(ostler_worker* worker)
{
    ostler_event event = OSTLER_EVENT_INIT;
    return ostler_worker_next(worker, &event, 0);
}
