// SPDX-License-Identifier: MIT
// A plan that the launcher is given. What it accepts can be walked to the end.
#include <cstdint>
#include <cstring>
#include <vector>

#include "ipc/wire/plan_view.hpp"

namespace
{

std::size_t walk(const ostler::wire::plan::Strings& strings)
{
    std::size_t total = 0;
    const char* text = strings.first;
    for (std::size_t i = 0; i < strings.count; ++i) {
        const std::size_t size = std::strlen(text);
        total += size;
        text += size + 1;
    }
    return total;
}

template <typename T>
std::size_t walk(std::span<const T> values)
{
    std::size_t total = 0;
    for (const T& value : values) {
        unsigned char bytes[sizeof(T)];
        std::memcpy(bytes, &value, sizeof value);
        total += bytes[0];
    }
    return total;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Aligned as a mapping is, and ending where the bytes end, so that a step too far shows.
    std::vector<std::uint64_t> aligned(size / 8 + 1);
    std::byte* start = reinterpret_cast<std::byte*>(aligned.data());
    if (size != 0)
        std::memcpy(start, data, size);
    ostler::wire::plan::View view;
    if (!ostler::wire::plan::read_plan({start, size}, view))
        return 0;
    volatile std::size_t seen = walk(view.args) + walk(view.env) + walk(view.groups) +
                                walk(view.cpus) + walk(view.limits) + walk(view.descriptors) +
                                std::strlen(view.exec);
    (void)seen;
    return 0;
}
