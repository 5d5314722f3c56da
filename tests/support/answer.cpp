// SPDX-License-Identifier: MIT
#include "tests/support/answer.hpp"

#include <charconv>

namespace ostler::test
{

namespace
{

constexpr std::string_view end_of_head = "\r\n\r\n";

std::uint64_t number_at(std::string_view text)
{
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// Node writes its own case of header names, and so does everybody.
std::size_t length_said(std::string_view head)
{
    for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
        const auto at = head.find(name);
        if (at != std::string_view::npos)
            return number_at(head.substr(at + name.size()));
    }
    return 0;
}

} // namespace

std::uint64_t number_of(std::string_view received, std::string_view name)
{
    const auto at = received.find(name);
    if (at == std::string_view::npos)
        return 0;
    return number_at(received.substr(at + name.size() + 2)); // past the closing quote and the colon
}

bool complete_answer(std::string_view received)
{
    const auto head = received.find(end_of_head);
    return head != std::string_view::npos &&
           received.size() - head - end_of_head.size() >= length_said(received.substr(0, head));
}

Answer parse_answer(std::string_view received)
{
    Answer answer;
    if (!complete_answer(received) || received.size() < 12)
        return answer;
    answer.status = static_cast<int>(number_at(received.substr(9, 3)));
    answer.whole = answer.status == 200;
    const auto body = received.substr(received.find(end_of_head) + end_of_head.size());
    answer.body = std::string{body};
    answer.worker = number_of(body, "\"worker");
    answer.slot = static_cast<long>(number_of(body, "\"slot"));
    answer.pid = static_cast<pid_t>(number_of(body, "\"pid"));
    return answer;
}

} // namespace ostler::test
