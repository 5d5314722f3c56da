// SPDX-License-Identifier: MIT
// What a worker of the tests says in the body of each answer: who it is.
//   {"worker":7,"slot":2,"pid":4711,"generation":1,"pool":"api","path":"/x"}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace ostler::test
{

struct Answer {
    bool whole = false; // a complete HTTP answer of status 200
    int status = 0;
    std::uint64_t worker = 0;
    long slot = -1;
    pid_t pid = 0;
    std::string body;
};

// From the bytes received so far. `whole` once the body is complete.
[[nodiscard]] Answer parse_answer(std::string_view received);
// The same without a copy of the body: complete or not, and the number behind a name in it.
[[nodiscard]] bool complete_answer(std::string_view received);
[[nodiscard]] std::uint64_t number_of(std::string_view received, std::string_view name);

} // namespace ostler::test
