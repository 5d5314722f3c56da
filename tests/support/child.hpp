// SPDX-License-Identifier: MIT
// A program that a test starts: its output is kept, its end is awaited with a deadline, and it
// never outlives the test.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "ipc/os/fd.hpp"
#include "tests/support/eventually.hpp"

namespace ostler::test
{

using Words = std::vector<std::string>;

struct Ended {
    int exit = -1;  // exit code, or -1
    int signal = 0; // that killed it, or 0
};

class Child
{
public:
    struct Settings {
        std::map<std::string, std::string> env; // on top of the test's own, without OSTLER_*
        std::string cwd;
        int input = -1;       // lent as descriptor 0; /dev/null otherwise
        std::vector<int> fds; // lent as 3, 4, …
        int err = -1;         // lent as descriptor 2; kept for err() otherwise
    };
    explicit Child(const Words& argv) : Child(argv, Settings{}) {}
    Child(const Words& argv, const Settings& settings);
    ~Child(); // kills it if it still lives
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool running();
    [[nodiscard]] std::optional<Ended> wait(Milliseconds within = patience);
    void signal(int number); // only while it is ours

    [[nodiscard]] std::string out() const; // so far
    [[nodiscard]] std::string err() const;

private:
    pid_t pid_ = -1;
    os::UniqueFd out_, err_; // memfds: nothing blocks when nobody reads
    std::optional<Ended> ended_;
};

struct Ran {
    int exit = -1;
    std::string out;
    std::string err;
};
// Starts it and waits for its end; running out of time is an error of the test.
[[nodiscard]] Ran run(const Words& argv, const Child::Settings& settings = {},
                      Milliseconds within = patience);

// Splits at blanks; no quoting.
[[nodiscard]] Words words(const std::string& line);

} // namespace ostler::test
