// SPDX-License-Identifier: MIT
// Guards completion handlers against the end of the object whose `this` they use: an operation that
// has completed already cannot be cancelled any more, so its handler may run after the destructor.
// A guarded one does nothing then.
#pragma once

#include <memory>
#include <utility>

namespace ostler::os
{

class Alive
{
public:
    Alive() = default;
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;

    template <typename Handler>
    [[nodiscard]] auto guard(Handler handler) const
    {
        return [token = std::weak_ptr<const char>{token_},
                handler = std::move(handler)](auto&&... arguments) mutable {
            if (!token.expired())
                handler(std::forward<decltype(arguments)>(arguments)...);
        };
    }

    // Expired once the object is gone: for whoever calls out and does not know what comes back.
    [[nodiscard]] std::weak_ptr<const char> token() const { return token_; }

private:
    std::shared_ptr<const char> token_ = std::make_shared<const char>();
};

} // namespace ostler::os
