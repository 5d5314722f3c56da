// SPDX-License-Identifier: MIT
// Completion handlers that do nothing once their object is gone. Cancelling is not enough: a
// handler that Asio has queued already comes with success, after the destructor.
#pragma once

#include <memory>
#include <utility>

namespace ostler
{

// Declare it last, so that it is cut first.
class Lifeline
{
public:
    template <typename Handler>
    [[nodiscard]] auto guard(Handler handler) const
    {
        return [alive = watch(), call = std::move(handler)](auto&&... arguments) mutable {
            if (!alive.expired())
                call(std::forward<decltype(arguments)>(arguments)...);
        };
    }

    [[nodiscard]] std::weak_ptr<const char> watch() const { return alive_; }

private:
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

} // namespace ostler
