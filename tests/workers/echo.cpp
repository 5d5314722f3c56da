// SPDX-License-Identifier: MIT
// The benchmark's other end: sends each message back and closes what came with it. Under a master
// through libostler; with `--bare N` each packet of the socket pair N, without any protocol: the
// limit to compare with.
#include <array>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <vector>

#include "ipc/os/packet.hpp"
#include "ipc/shim/ostler.h"

namespace
{

using namespace ostler;

int echo_packets(os::FdRef pair)
{
    std::vector<std::byte> packet(65'536);
    std::array<os::UniqueFd, 1> with_it;
    os::Received got;
    while (os::receive_packet(pair, packet, with_it, got, os::Wait::wait) == 1) {
        with_it[0].reset();
        if (os::send_packet(pair, std::span{packet}.first(got.bytes), {}, os::Wait::wait) != 0)
            return 1;
    }
    return 0;
}

int echo_messages()
{
    ostler_worker* worker = nullptr;
    int rc = ostler_worker_open(&worker);
    while (rc >= 0) {
        ostler_event event = OSTLER_EVENT_INIT;
        rc = ostler_worker_next(worker, &event, -1);
        if (rc < 0 || event.type != OSTLER_MESSAGE)
            continue;
        if (event.fd >= 0)
            ::close(event.fd);
        ostler_message back = OSTLER_MESSAGE_INIT;
        back.kind = OSTLER_CONTROLLERS;
        back.data = event.message->data;
        back.length = event.message->length;
        rc = ostler_worker_send(worker, &back, -1);
    }
    ostler_worker_close(worker);
    return worker == nullptr ? 1 : 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc == 3 && std::strcmp(argv[1], "--bare") == 0)
        return echo_packets(os::FdRef{std::atoi(argv[2])});
    return echo_messages();
}
