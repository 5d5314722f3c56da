// SPDX-License-Identifier: MIT
// A socket pair and nothing else: packets of at most 64 KiB.
#include <algorithm>
#include <poll.h>
#include <stdexcept>
#include <vector>

#include "ipc/os/packet.hpp"
#include "tests/bench/connection.hpp"
#include "tests/bench/pace.hpp"
#include "tests/support/child.hpp"
#include "tests/support/programs.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

class BarePair
{
public:
    BarePair(const Traffic& traffic, Milliseconds during)
        : traffic_{traffic}, pace_{traffic, during}
    {
        os::UniqueFd theirs;
        if (os::packet_pair(ours_, theirs, os::Blocking::yes) != 0)
            throw std::runtime_error("no socket pair");
        other_ = std::make_unique<Child>(Words{echo_program, "--bare", "3"},
                                         Child::Settings{.fds = {theirs.get()}});
    }
    double run()
    {
        while (!pace_.done()) {
            fill();
            if (left_to_send_ == 0) { // nothing more will go before something comes
                receive(os::Wait::wait);
                continue;
            }
            pollfd wanted{ours_.get(), POLLIN | POLLOUT, 0};
            (void)::poll(&wanted, 1, -1);
            while (receive(os::Wait::dont_wait)) {
            }
        }
        return pace_.per_second();
    }

private:
    void fill()
    {
        while (left_to_send_ != 0 || pace_.may_send()) {
            if (left_to_send_ == 0) {
                left_to_send_ = traffic_.size;
                pace_.sent();
            }
            const std::size_t part = std::min(left_to_send_, space_.size());
            const int handle = connection_.lend().get();
            const bool with = traffic_.handles && left_to_send_ == traffic_.size;
            if (os::send_packet(ours_.borrow(), std::span{space_}.first(part),
                                {&handle, with ? 1u : 0u}) != 0)
                return;
            left_to_send_ -= part;
        }
    }

    bool receive(os::Wait wait)
    {
        os::Received got;
        const int rc = os::receive_packet(ours_.borrow(), incoming_, {}, got, wait);
        if (rc == -EAGAIN)
            return false;
        if (rc != 1)
            throw std::runtime_error("the other end is gone");
        arrived_ += got.bytes;
        if (arrived_ == traffic_.size) {
            arrived_ = 0;
            pace_.came_back();
        }
        return true;
    }

    Traffic traffic_;
    Pace pace_;
    Connection connection_;
    os::UniqueFd ours_;
    std::unique_ptr<Child> other_;
    std::vector<std::byte> space_ = std::vector<std::byte>(65'536);
    std::vector<std::byte> incoming_ = std::vector<std::byte>(65'536);
    std::size_t left_to_send_ = 0; // of one message
    std::size_t arrived_ = 0;
};

} // namespace

double bare_echoes(const Traffic& traffic, Milliseconds during)
{
    return BarePair{traffic, during}.run();
}

} // namespace ostler::bench
