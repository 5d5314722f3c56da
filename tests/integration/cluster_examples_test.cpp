// SPDX-License-Identifier: MIT
// The programs of examples/cluster, one for each code sample of Node's documentation, run as they
// are and print what Node's would.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <sstream>
#include <sys/stat.h>

#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler::test;

namespace
{

enum class Order {
    kept,
    any, // of several workers at once
};
struct Example {
    std::string name;
    std::string prints;
    Order order = Order::kept;
};

const Example examples[] = {
    {"announcement.py",
     "worker 1 hears: big announcement to all workers\n"
     "worker 2 hears: big announcement to all workers\n"
     "worker 3 hears: big announcement to all workers\n",
     Order::any},
    {"drain.py", "the worker hears: shutdown\n"
                 "it takes too long\n"
                 "worker was killed by signal: SIGKILL\n"},
    {"echo.py", "hi there\n"},
    {"fork_timeouts.py", "worker 1 listens in time\n"
                         "Something must be wrong with the connection of worker 2 ...\n"},
    {"http_server.py",
     "Primary PID is running\n"
     "Worker 1 started\n"
     "Worker 2 started\n"
     "Worker 3 started\n"
     "hello world\n"
     "worker 1 died (SIGKILL). restarting...\n"
     "Worker 4 started\n"
     "hello world\n",
     Order::any},
    {"is_dead.py", "worker is dead: False\n"
                   "worker is dead: False\n"
                   "Current process, and its last words\n"
                   "worker is dead: True\n"
                   "Current process, and its last words\n"
                   "worker is dead: True\n"},
    {"kill.py", "kill()\n"
                "the client hears: an answer to the rest of the question\n"
                "worker 1 has disconnected\n"
                "worker 1 has ended\n"
                "process.kill()\n"
                "worker 2 has disconnected\n"
                "worker 2 has ended\n"
                "the client hears: nothing\n"},
    {"life.py", "Worker is forked\n"
                "Worker is online\n"
                "Yay, the worker responded after it was forked\n"
                "Worker is listening\n"
                "A worker is now connected to 127.0.0.1:PORT\n"
                "Worker has disconnected\n"
                "The worker #1 has disconnected\n"
                "worker success!\n"},
    {"request_counter.py", "requests = 1\n"
                           "requests = 2\n"
                           "requests = 3\n"
                           "requests = 4\n"},
    {"supervised.py", "the primary finds 0 workers\n"
                      "the primary finds 2 workers\n"},
    {"two_kinds.py", "https worker\n"
                     "http worker\n"
                     "http worker\n"},
    {"voluntary.py", "None as yet\n"
                     "worker 1 died (SIGKILL): an accident\n"
                     "None as yet\n"
                     "Oh, it was just voluntary - no need to worry\n"},
    {"worker_id.py", "I am primary\n"
                     "I am worker #1\n"
                     "I am worker #2\n"},
};

// The python3 that workers are: with the sanitizer's library, where libostler needs that first.
void write_python(const std::string& path)
{
    write_file(path, "#!/bin/sh\nexec env LD_PRELOAD='" OSTLER_TEST_SANITIZER "' "
                     "ASAN_OPTIONS=detect_leaks=0 /usr/bin/python3 \"$@\"\n");
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
}

std::string sorted(const std::string& text)
{
    std::istringstream in{text};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line + "\n");
    std::ranges::sort(lines);
    std::string all;
    for (const std::string& line : lines)
        all += line;
    return all;
}

} // namespace

TEST_CASE("each example of a cluster prints what Node's prints", "[cluster][examples]")
{
    const Example example = GENERATE(from_range(std::begin(examples), std::end(examples)));
    INFO(example.name);
    Scratch scratch;
    write_python(scratch / "python3");
    const Ran ran = run({"/usr/bin/python3", source_root + "/examples/cluster/" + example.name},
                        {.env = {{"PATH", scratch.path() + ":" + build_root + "/bin:/usr/bin:/bin"},
                                 {"TMPDIR", scratch.path()},
                                 {"LD_LIBRARY_PATH", build_root + "/lib"},
                                 {"PYTHONDONTWRITEBYTECODE", "1"}}},
                        60s);
    const std::string out =
        std::regex_replace(ran.out, std::regex{"Primary [0-9]+"}, "Primary PID");
    CHECK(ran.exit == 0);
    CHECK(ran.err == "");
    if (example.order == Order::any)
        CHECK(sorted(out) == sorted(example.prints));
    else
        CHECK(out == example.prints);
}

TEST_CASE("no example of a cluster is left out", "[cluster][examples]")
{
    for (const auto& file :
         std::filesystem::directory_iterator{source_root + "/examples/cluster"}) {
        const std::string name = file.path().filename();
        const bool known = std::ranges::count(examples, name, &Example::name) == 1;
        CHECK((known || name == "local_daemon.py" || !name.ends_with(".py")));
    }
}
