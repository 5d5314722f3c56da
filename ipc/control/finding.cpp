// SPDX-License-Identifier: MIT
#include "ipc/control/finding.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include "ipc/control/address.hpp"
#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler::control
{
namespace
{

using namespace std::chrono_literals;

constexpr const char* variable = "OSTLER_CONTROL_FD";

// The connection that this process, others that have inherited it and their threads use in turns.
// Of processes the kernel keeps the turns by a record lock, which knows no threads.
class BornWith
{
public:
    explicit BornWith(int number) : number_{number}, threads_{mutex(), std::defer_lock} {}
    ~BornWith()
    {
        if (threads_.owns_lock())
            (void)lock(F_UNLCK);
    }
    BornWith(const BornWith&) = delete;
    BornWith& operator=(const BornWith&) = delete;

    [[nodiscard]] bool open() const
    {
        int kind = 0;
        socklen_t size = sizeof kind;
        return ::getsockopt(number_, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 &&
               kind == SOCK_SEQPACKET;
    }
    // 0, or an errno: ETIMEDOUT where others have it until the deadline.
    [[nodiscard]] int take_turn(Deadline deadline)
    {
        for (;; std::this_thread::sleep_for(1ms)) {
            if (threads_.try_lock()) {
                if (lock(F_WRLCK))
                    return 0;
                const int error = errno;
                threads_.unlock();
                if (error != EAGAIN && error != EACCES && error != EINTR)
                    return error;
            }
            if (deadline && Clock::now() >= *deadline)
                return ETIMEDOUT;
        }
    }
    [[nodiscard]] os::UniqueFd copy() const
    {
        return os::UniqueFd{os::adopt, ::fcntl(number_, F_DUPFD_CLOEXEC, 0)};
    }

private:
    static std::mutex& mutex()
    {
        static std::mutex threads;
        return threads;
    }
    [[nodiscard]] bool lock(short kind) const
    {
        struct flock whole {
        };
        whole.l_type = kind;
        return ::fcntl(number_, F_SETLK, &whole) == 0;
    }

    int number_;
    std::unique_lock<std::mutex> threads_;
};

Answer no_connection(const std::string& name)
{
    return {exit_usage,
            name + " names no open control connection: pass it on to programs that you start, or "
                   "remove the variable from their environment",
            {}};
}

std::string value_of(const char* name)
{
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::variant<Connection, Answer> connect_through(std::string_view text, Deadline deadline)
{
    const std::string name = std::string{variable} + "=" + std::string{text};
    int number = -1;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (bad != std::errc{} || end != text.data() + text.size())
        return Answer{exit_usage, name + " is no number of a descriptor", {}};
    BornWith born_with{number};
    if (!born_with.open())
        return no_connection(name);
    const int error = born_with.take_turn(deadline);
    if (error == ETIMEDOUT)
        return Answer{exit_timeout, "others use " + name + " all the time", {}};
    if (error != 0)
        return Answer{exit_system, "locking " + name + ": " + std::strerror(error), {}};
    Client client{Connection{born_with.copy(), name}};
    os::UniqueFd fresh;
    Client::Listening listening;
    listening.returned = [&fresh](os::UniqueFd descriptor) { fresh = std::move(descriptor); };
    Answer answer = client.request("connect", {}, deadline, listening);
    if (answer.exit == exit_done && !fresh.valid())
        answer = {exit_failed, "the daemon gave no further connection through " + name, {}};
    if (answer.exit != exit_done)
        return answer;
    return Connection{std::move(fresh), name};
}

} // namespace

std::variant<Connection, Answer> find_daemon(const std::string& path, Deadline deadline)
{
    if (!path.empty())
        return Connection::connect(path, deadline);
    if (const std::string named = value_of("OSTLER_SOCKET"); !named.empty())
        return Connection::connect(named, deadline);
    if (const std::string number = value_of(variable); !number.empty())
        return connect_through(number, deadline);
    return Connection::connect(default_path(), deadline);
}

} // namespace ostler::control
