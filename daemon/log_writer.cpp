// SPDX-License-Identifier: MIT
#include "daemon/log_writer.hpp"

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <poll.h>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ostler
{
namespace
{

// A thread inherits the mask of whoever starts it: this one leaves every signal to the others.
class NoSignals
{
public:
    NoSignals()
    {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

private:
    sigset_t before_{};
};

// Whoever shares the descriptor may have made it non-blocking.
void write_all(int to, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(to, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd space{to, POLLOUT, 0};
            ::poll(&space, 1, -1);
        } else if (errno != EINTR) {
            return; // nobody will ever read it
        }
    }
}

} // namespace

struct LogWriter::Queue {
    Queue(os::FdRef where, Note how) : to{where}, note{std::move(how)} {}

    void push(std::string line)
    {
        const std::lock_guard lock{mutex};
        bytes += line.size();
        lines.push_back(std::move(line));
        for (; bytes > room && lines.size() > 1; ++lost)
            pop();
        changed.notify_one();
    }
    void write_on()
    {
        std::unique_lock lock{mutex};
        for (;;) {
            changed.wait(lock, [this] { return closed || !lines.empty(); });
            if (closed)
                return;
            const std::uint64_t missing = std::exchange(lost, 0);
            const std::string line = pop();
            writing = true;
            lock.unlock();
            write_all(to.get(), missing == 0 ? line : note(missing) + line);
            lock.lock();
            writing = false;
            if (lines.empty())
                idle.notify_all();
        }
    }
    bool wait_idle(std::chrono::milliseconds within)
    {
        std::unique_lock lock{mutex};
        return idle.wait_for(lock, within, [this] { return lines.empty() && !writing; });
    }
    void close()
    {
        const std::lock_guard lock{mutex};
        closed = true;
        changed.notify_one();
    }

private:
    std::string pop()
    {
        std::string line = std::move(lines.front());
        lines.pop_front();
        bytes -= line.size();
        return line;
    }

    const os::FdRef to;
    const Note note;
    std::mutex mutex;
    std::condition_variable changed, idle;
    std::deque<std::string> lines;
    std::size_t bytes = 0;
    std::uint64_t lost = 0; // before the first of `lines`
    bool writing = false;
    bool closed = false;
};

LogWriter::LogWriter(os::FdRef to, Note note) : queue_{std::make_shared<Queue>(to, std::move(note))}
{
    const NoSignals in_the_thread;
    std::thread{[queue = queue_] { queue->write_on(); }}.detach();
}

LogWriter::~LogWriter()
{
    queue_->close();
}

void LogWriter::write(std::string line)
{
    queue_->push(std::move(line));
}

bool LogWriter::flush(std::chrono::milliseconds within)
{
    return queue_->wait_idle(within);
}

} // namespace ostler
