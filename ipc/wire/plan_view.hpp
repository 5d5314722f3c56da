// SPDX-License-Identifier: MIT
// A plan as the launcher sees it: pointers into the mapped bytes, all of them checked. libc only.
#pragma once

#include <cstddef>
#include <span>

#include "ipc/wire/plan_format.hpp"

namespace ostler::wire::plan
{

// `count` strings with their NULs, one behind the other.
struct Strings {
    const char* first = nullptr;
    std::size_t count = 0;
};

struct View {
    Head head; // its numbers; the sections are below
    const char* exec = nullptr;
    const char* cwd = nullptr;
    const char* out_path = nullptr;
    const char* err_path = nullptr;
    Strings args;
    Strings env;
    std::span<const std::uint32_t> groups;
    std::span<const std::uint32_t> cpus;
    std::span<const Limit> limits;
    std::span<const Placement> descriptors;

    [[nodiscard]] bool has(Flag flag) const { return (head.flags & flag) != 0; }
};

// Total on any bytes. False for a plan that is cut, points outside itself, or makes no sense; the
// view is worth nothing then. `bytes` must start at a multiple of 8, as a mapping does.
[[nodiscard]] bool read_plan(std::span<const std::byte> bytes, View& view);

} // namespace ostler::wire::plan
