// SPDX-License-Identifier: MIT
// A descriptor that is owned, and one that is only looked at. Header only, libc only.
#pragma once

#include <unistd.h>

namespace ostler::os
{

// Looks at a descriptor that somebody else keeps open. Copy it freely; never store it beyond its
// owner.
class FdRef
{
public:
    constexpr explicit FdRef(int fd) : fd_{fd} {}
    [[nodiscard]] constexpr int get() const { return fd_; }
    [[nodiscard]] constexpr bool valid() const { return fd_ >= 0; }

private:
    int fd_;
};

struct Adopt {
};
inline constexpr Adopt adopt{}; // says aloud that a bare number becomes owned here

// Owns a descriptor: closes it at the end. Moved from means empty.
class UniqueFd
{
public:
    constexpr UniqueFd() = default;
    constexpr UniqueFd(Adopt, int fd) : fd_{fd} {}
    UniqueFd(UniqueFd&& other) noexcept : fd_{other.release()} {}
    UniqueFd& operator=(UniqueFd&& other) noexcept
    {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] FdRef borrow() const { return FdRef{fd_}; }
    [[nodiscard]] int release()
    {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd = -1)
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace ostler::os
