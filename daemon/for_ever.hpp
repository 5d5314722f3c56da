// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/awaitable.hpp>

namespace ostler
{

// Ends by cancellation alone.
[[nodiscard]] boost::asio::awaitable<void> for_ever();

} // namespace ostler
