// SPDX-License-Identifier: MIT
// A round-robin socket with its workers and clients, as the tests of dispatching play it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "tests/unit/listening.hpp"

namespace ostler::test
{

class Scene
{
public:
    explicit Scene(std::size_t count, config::Socket spec = tcp_socket())
        : listener{bound(loop, spec)}
    {
        for (std::size_t i = 0; i < count; ++i)
            add_worker();
    }
    FakeWorker& add_worker()
    {
        workers.emplace_back("api/" + std::to_string(workers.size())).join(*listener);
        return workers.back();
    }
    const Client& connect()
    {
        clients.emplace_back(*listener);
        REQUIRE(clients.back().error() == 0);
        return clients.back();
    }
    void connect(std::size_t count)
    {
        while (count-- > 0)
            connect();
    }
    [[nodiscard]] std::uint64_t passed() const { return listener->counters().passed; }
    [[nodiscard]] unsigned pending(std::size_t worker) { return workers[worker].intake->pending(); }
    [[nodiscard]] bool until_passed(std::uint64_t count)
    {
        return run_until(loop, [&] { return passed() >= count; });
    }
    template <typename Predicate>
    [[nodiscard]] bool until(Predicate predicate)
    {
        return run_until(loop, predicate);
    }

    boost::asio::io_context loop;
    std::unique_ptr<Listener> listener;
    std::deque<FakeWorker> workers;
    std::deque<Client> clients;
};

// `count` connections, each served as soon as it is passed, by everyone for whom `serves` is true.
template <typename Serves>
void serve_each(Scene& scene, unsigned count, Serves serves)
{
    for (unsigned i = 0; i < count; ++i) {
        const Client& client = scene.connect();
        REQUIRE(scene.until([&] {
            for (std::size_t w = 0; w < scene.workers.size(); ++w)
                if (serves(w))
                    while (scene.workers[w].serve_one()) {
                    }
            return client.heard() == ".";
        }));
        scene.clients.clear();
    }
}

} // namespace ostler::test
