// SPDX-License-Identifier: MIT
#include <iostream>
#include <iterator>

#include "cmd/ostler/verbs.hpp"

namespace ostler::cli
{

// "-" is what stands on standard input.
int run_send(const Call& call)
{
    control::Message message{control::Type::request,
                             0,
                             {{"verb", "send"},
                              {"target", call.arguments[0]},
                              {"content", call.text("content").value_or("bytes")}}};
    message.bytes = call.arguments[1];
    if (*message.bytes == "-")
        message.bytes = std::string{std::istreambuf_iterator<char>{std::cin}, {}};
    return ask_and_print(call, std::move(message));
}

} // namespace ostler::cli
