// SPDX-License-Identifier: MIT
#include "daemon/inherited_sockets.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sstream>

#include "ipc/wire/keeper.hpp"

namespace ostler
{
namespace
{

constexpr int first_number = 3;                          // as the manager counts
constexpr int first_here = wire::keeper::channel_fd + 1; // behind the channel
constexpr const char* unnamed = "unknown";               // systemd's word

std::vector<std::string> split(const char* names)
{
    std::vector<std::string> all;
    std::istringstream text{names ? names : ""};
    for (std::string name; std::getline(text, name, ':');)
        all.push_back(name);
    return all;
}

} // namespace

InheritedSockets InheritedSockets::from_keeper()
{
    InheritedSockets sockets;
    const char* count = std::getenv("OSTLER_LISTEN_FDS");
    const std::vector<std::string> names = split(std::getenv("OSTLER_LISTEN_FDNAMES"));
    const std::size_t all = count ? std::strtoul(count, nullptr, 10) : 0;
    for (std::size_t i = 0; i < all; ++i) {
        os::UniqueFd fd{os::adopt, first_here + static_cast<int>(i)};
        if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
            (void)fd.release(); // the environment lies
            break;
        }
        sockets.passed_.push_back({i < names.size() ? names[i] : unnamed, std::move(fd)});
    }
    return sockets;
}

std::variant<os::FdRef, std::string> InheritedSockets::find(const std::string& name) const
{
    const auto same = [&](const Passed& one) { return one.name == name; };
    const auto found = std::ranges::find_if(passed_, same);
    if (std::ranges::count_if(passed_, same) > 1)
        return fmt::format("the service manager has passed several sockets by the name \"{}\": "
                           "give each a name of its own (FileDescriptorName=)",
                           name);
    if (found != passed_.end())
        return found->fd.borrow();
    if (passed_.empty())
        return fmt::format("no socket was passed to the daemon: is it started with a socket unit "
                           "that has FileDescriptorName={}?",
                           name);
    return fmt::format("the service manager has passed no socket by the name \"{}\", but {}", name,
                       fmt::join(names(), ", "));
}

std::string InheritedSockets::name_of(int number) const
{
    const auto place = static_cast<std::size_t>(number - first_number);
    return number >= first_number && place < passed_.size() ? passed_[place].name : std::string{};
}

std::vector<std::string> InheritedSockets::names() const
{
    std::vector<std::string> all;
    for (const Passed& one : passed_)
        all.push_back(one.name);
    return all;
}

} // namespace ostler
