// SPDX-License-Identifier: MIT
#include "daemon/spec_watch.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>

namespace ostler
{
namespace
{

using namespace std::chrono_literals;

constexpr auto quiet_time = 100ms; // an editor writes, renames and touches in one go
constexpr std::uint32_t of_interest =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::string_view swapped_links = "..data"; // how mounted configuration maps are replaced

std::string folder_of(const std::string& file)
{
    const std::size_t slash = file.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : file.substr(0, slash);
}

std::string name_of_file(const std::string& file)
{
    return file.substr(file.rfind('/') + 1);
}

std::string target_of(const std::string& path)
{
    char* resolved = ::realpath(path.c_str(), nullptr);
    std::string target = resolved ? resolved : path;
    std::free(resolved);
    return target;
}

} // namespace

SpecWatch::SpecWatch(boost::asio::any_io_executor executor, std::string path,
                     std::function<void()> edited)
    : path_{std::move(path)}, edited_{std::move(edited)}, inotify_{executor}, quiet_{executor}
{
    const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        problem_ = std::string{"edits of the spec are not seen: "} + std::strerror(errno);
        return;
    }
    inotify_.assign(fd);
    watch_all();
    wait();
}

void SpecWatch::watch(const std::string& file)
{
    const std::string folder = folder_of(file);
    names_.insert(name_of_file(file));
    if (::inotify_add_watch(inotify_.native_handle(), folder.c_str(), of_interest) < 0)
        problem_ = "edits of the spec are not seen: " + folder + ": " + std::strerror(errno);
}

void SpecWatch::watch_all()
{
    problem_.clear();
    watch(path_);
    if (const std::string target = target_of(path_); target != path_)
        watch(target);
}

void SpecWatch::wait()
{
    inotify_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        alive_.guard([this](boost::system::error_code error) {
                            if (error)
                                return;
                            read_events();
                            wait();
                        }));
}

void SpecWatch::read_events()
{
    alignas(inotify_event) std::array<char, 4096> buffer;
    ssize_t size;
    bool ours = false;
    while ((size = ::read(inotify_.native_handle(), buffer.data(), buffer.size())) > 0)
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            inotify_event event;
            std::memcpy(&event, at, sizeof event);
            const std::string name = event.len != 0 ? at + sizeof event : "";
            // A file that was only created is still empty; its links are not. Overflow: anything
            // may have happened.
            const bool written = (event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_Q_OVERFLOW)) != 0;
            ours = ours || name == swapped_links ||
                   (written && (names_.contains(name) || name.empty()));
            at += sizeof event + event.len;
        }
    if (ours)
        settle();
}

void SpecWatch::settle()
{
    quiet_.expires_after(quiet_time);
    quiet_.async_wait(alive_.guard([this](boost::system::error_code error) {
        if (error)
            return; // more came: the new wait calls
        watch_all();
        edited_();
    }));
}

} // namespace ostler
