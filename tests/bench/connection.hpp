// SPDX-License-Identifier: MIT
// A connection that is sent over and over again: its sender keeps it.
#pragma once

#include <stdexcept>

#include "tests/support/endpoint.hpp"

namespace ostler::bench
{

class Connection
{
public:
    Connection() : listener_{test::Endpoint{"tcp://127.0.0.1:0"}.listen()}
    {
        const test::Endpoint there{"tcp://127.0.0.1:" +
                                   std::to_string(test::local_port(listener_.borrow()))};
        client_ = there.make_socket();
        if (::connect(client_.get(), there.address(), there.size()) != 0)
            throw std::runtime_error("no connection over the loopback");
    }
    [[nodiscard]] os::FdRef lend() const { return client_.borrow(); }

private:
    os::UniqueFd listener_, client_;
};

} // namespace ostler::bench
