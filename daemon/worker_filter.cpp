// SPDX-License-Identifier: MIT
#include "daemon/worker_filter.hpp"

#include <charconv>

namespace ostler
{
namespace
{

template <typename Number>
bool whole_number(std::string_view text, Number& number)
{
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end;
}

} // namespace

WorkerFilter WorkerFilter::of(std::string_view target)
{
    WorkerFilter filter;
    if (whole_number(target, filter.worker))
        return filter;
    filter.worker = 0;
    const auto slash = target.find('/');
    unsigned slot = 0;
    if (slash != std::string_view::npos && whole_number(target.substr(slash + 1), slot))
        filter.slot = slot;
    filter.pool = filter.slot ? target.substr(0, slash) : target;
    return filter;
}

} // namespace ostler
