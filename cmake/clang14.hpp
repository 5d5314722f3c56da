// SPDX-License-Identifier: MIT
// For clang-tidy 14 alone (preset tidy): what its front end lacks of C++20 and libstdc++ then
// hides.
#pragma once

#if defined(__cplusplus)
#include <source_location>
#if !defined(__cpp_lib_source_location)
namespace std
{
struct source_location {
    static constexpr source_location current(const char* file = __builtin_FILE(),
                                             const char* function = __builtin_FUNCTION(),
                                             unsigned line = __builtin_LINE())
    {
        return {file, function, line};
    }
    constexpr const char* file_name() const { return file_; }
    constexpr const char* function_name() const { return function_; }
    constexpr unsigned line() const { return line_; }
    constexpr unsigned column() const { return 0; }
    const char* file_ = "";
    const char* function_ = "";
    unsigned line_ = 0;
};
} // namespace std
#endif
#endif
