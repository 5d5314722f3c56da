// SPDX-License-Identifier: MIT
#include "ipc/shim/identity.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ostler::shim
{

char* copy_text(std::string_view text)
{
    auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr)
        return nullptr;
    if (!text.empty())
        std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return copy;
}

Identity::~Identity()
{
    std::free(pool_);
    std::free(sockets_);
}

int Identity::learn(const wire::native::Welcome& welcome)
{
    std::free(pool_); // a second welcome is not expected, and no reason to leak
    std::free(sockets_);
    id_ = welcome.worker;
    slot_ = welcome.slot;
    generation_ = welcome.generation;
    pool_ = copy_text(welcome.pool);
    sockets_ = copy_text(welcome.sockets);
    socket_count_ = 0;
    if (pool_ == nullptr || sockets_ == nullptr)
        return -ENOMEM;
    if (welcome.sockets.empty())
        return 0;
    ++socket_count_;
    for (char* at = sockets_; (at = std::strchr(at, ':')) != nullptr; ++at) {
        *at = '\0';
        ++socket_count_;
    }
    return 0;
}

const char* Identity::socket(std::uint32_t index) const
{
    if (index >= socket_count_)
        return nullptr;
    const char* name = sockets_;
    while (index-- > 0)
        name += std::strlen(name) + 1;
    return name;
}

} // namespace ostler::shim
