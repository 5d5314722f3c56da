// SPDX-License-Identifier: MIT
// The one alias for "a value, or why not": ordinary failures are handled on the line after the
// call.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <cerrno>

namespace ostler::os
{

template <typename T>
using Result = boost::system::result<T>;
using Error = boost::system::error_code;

inline Error error_from(int number)
{
    return {number, boost::system::system_category()};
}
inline Error last_error()
{
    return error_from(errno);
}

} // namespace ostler::os
