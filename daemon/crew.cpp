// SPDX-License-Identifier: MIT
#include "daemon/crew.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "daemon/signals_blocked.hpp"

namespace ostler
{
namespace
{

constexpr unsigned kept = 2; // with nothing to do
constexpr auto patience = std::chrono::seconds{1};

} // namespace

struct Crew::Shared {
    explicit Shared(unsigned limit) : most{limit} {}
    const unsigned most;
    std::mutex mutex;
    std::condition_variable news; // for the threads: a job, or the end
    std::condition_variable left; // by a thread, at the end
    std::deque<Job> jobs;
    unsigned threads = 0;
    unsigned idle = 0;
    bool over = false;
};

Crew::Crew(unsigned most) : shared_{std::make_shared<Shared>(most)} {}

Crew::~Crew()
{
    std::unique_lock lock{shared_->mutex};
    shared_->over = true;
    shared_->news.notify_all();
    shared_->left.wait_for(lock, patience, [this] { return shared_->threads == 0; });
}

void Crew::add(Job job)
{
    const std::lock_guard lock{shared_->mutex};
    shared_->jobs.push_back(std::move(job));
    if (shared_->jobs.size() > shared_->idle && shared_->threads < shared_->most)
        hire();
    shared_->news.notify_one();
}

bool Crew::behind() const
{
    const std::lock_guard lock{shared_->mutex};
    return shared_->threads == shared_->most && shared_->jobs.size() > shared_->idle;
}

void Crew::hire()
{
    try {
        const SignalsBlocked blocked;
        std::thread{[shared = shared_] { work(*shared); }}.detach();
        ++shared_->threads;
    } catch (const std::system_error&) {
        // Short of something: those there are go on, and the next job tries again.
    }
}

void Crew::work(Shared& shared)
{
    std::unique_lock lock{shared.mutex};
    while (!shared.jobs.empty() || (!shared.over && shared.idle < kept)) {
        if (shared.jobs.empty()) {
            ++shared.idle;
            shared.news.wait(lock);
            --shared.idle;
            continue;
        }
        Job job = std::move(shared.jobs.front());
        shared.jobs.pop_front();
        lock.unlock();
        job();
        job = nullptr; // what it holds may block, too
        lock.lock();
    }
    --shared.threads;
    shared.left.notify_all();
}

} // namespace ostler
