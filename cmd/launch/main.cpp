// SPDX-License-Identifier: MIT
// The launcher: the keeper runs it with a plan at plan_fd, and it becomes the worker. It lives for
// a millisecond. Exits 127 when a stage failed; the master has the report then.
#include <cstdio>
#include <fcntl.h>

#include "daemon/launcher/launch.hpp"
#include "ipc/os/signals.hpp"

int main()
{
    using namespace ostler;
    if (::fcntl(wire::plan::plan_fd, F_GET_SEALS) < 0) {
        std::fputs("launch: this is a part of ostlerd, which runs it to start a worker\n", stderr);
        return 64;
    }
    os::reset_signals();
    launcher::Launch launch;
    launcher::carry_out(launch);
    return 127;
}
