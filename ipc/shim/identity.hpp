// SPDX-License-Identifier: MIT
// What the welcome told about this worker. Owns its strings.
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/wire/native.hpp"

namespace ostler::shim
{

// A malloc'd copy that ends with NUL; null when there is no memory.
[[nodiscard]] char* copy_text(std::string_view text);

class Identity
{
public:
    Identity() = default;
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;
    ~Identity();

    // 0 or -ENOMEM.
    [[nodiscard]] int learn(const wire::native::Welcome& welcome);

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] std::uint32_t slot() const { return slot_; }
    [[nodiscard]] std::uint32_t generation() const { return generation_; }
    [[nodiscard]] const char* pool() const { return pool_; }
    // Null past the last one.
    [[nodiscard]] const char* socket(std::uint32_t index) const;

private:
    std::uint64_t id_ = 0;
    std::uint32_t slot_ = 0;
    std::uint32_t generation_ = 0;
    char* pool_ = nullptr;
    char* sockets_ = nullptr; // names one after the other, each with its NUL
    std::uint32_t socket_count_ = 0;
};

} // namespace ostler::shim
