// SPDX-License-Identifier: MIT
// Compiled as C++17: neither header asks for more.
#include <ostler.hpp>

int take_one(ostler::Worker& worker);
int take_one(ostler::Worker& worker)
{
    int taken = 0;
    while (const auto event = worker.next(std::chrono::milliseconds{0}))
        if (event->type == OSTLER_CONNECTION) {
            worker.done(event->connection);
            ++taken;
        }
    return taken;
}
