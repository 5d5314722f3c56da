// SPDX-License-Identifier: MIT
// The first example of Node's cluster with messages, in C++: forks a server for each CPU, starts
// again what dies, and counts the requests that they tell of.
#include <chrono>
#include <iostream>
#include <ostler_cluster.hpp>
#include <thread>

using ostler::Cluster;

int main()
try {
    Cluster cluster{"counted"};
    unsigned long requests = 0;

    cluster.on_message([&](const Cluster::Worker&, const Cluster::Message& message) {
        if (message.bytes == R"({"cmd": "notifyRequest"})")
            ++requests;
    });
    cluster.on_exit([&](const Cluster::Worker& worker, const Cluster::Exit& exit) {
        std::cout << "worker " << worker.id() << " " << exit.text << std::endl;
        if (!*worker.exited_after_disconnect())
            cluster.fork();
    });
    for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu)
        cluster.fork();

    for (;;) { // keep track of requests, until the daemon stops
        cluster.run_until([] { return false; }, std::chrono::seconds{1});
        std::cout << "numReqs = " << requests << std::endl;
    }
} catch (const ostler::Error& error) {
    std::cerr << "request_counter: " << error.what() << std::endl;
    return error.exit();
}
