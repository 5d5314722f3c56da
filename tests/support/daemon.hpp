// SPDX-License-Identifier: MIT
// A real ostlerd with a spec, a control socket and a folder of its own, in the foreground.
//   Daemon d{spec};  d.ready();  d.cli("restart api");  d.status();
// Whatever the test does, at its end the daemon is stopped, and what is left of it is a finding.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/scratch.hpp"

namespace ostler::test
{

// One row of `status`.
struct Row {
    std::optional<std::uint64_t> id;
    std::optional<pid_t> pid;
    unsigned slot = 0;
    std::string state;
    std::uint64_t generation = 0, restarts = 0, accepted = 0, pending = 0;
    std::optional<double> next_start_in_s;
    boost::json::value last_exit;
};

class Daemon
{
public:
    struct Settings {
        Words through; // a program that executes it: {"prlimit", "--nofile=40"}
        Words options; // on top of --config and --control
        std::map<std::string, std::string> env;
        std::string cwd;                       // instead of its own folder
        std::string control;                   // instead of a path in the daemon's own folder
        int err = -1;                          // lent for its log; log() is empty then
        bool expected_to_leave_socket = false; // killed: nobody removes the control socket
    };
    // In the spec, options and env, DIR stands for the daemon's folder, and WORKER and SCRIPTS for
    // the tests' worker and the folder of the others.
    explicit Daemon(const std::string& spec) : Daemon(spec, Settings{}) {}
    Daemon(const std::string& spec, Settings settings);
    ~Daemon();

    // Until it says READY=1; an error with its whole log when that does not come.
    Daemon& ready(Milliseconds within = patience);
    [[nodiscard]] NotifySocket& notified() { return notify_; }

    // `ostler VERB …` against this daemon.
    [[nodiscard]] Ran cli(const std::string& line, Milliseconds within = patience) const;
    // The same for what must succeed.
    Ran must(const std::string& line, Milliseconds within = patience) const;

    [[nodiscard]] bool up() const; // answers on its control socket, ready or not
    [[nodiscard]] boost::json::value status() const;
    [[nodiscard]] std::vector<Row> rows(const std::string& pool) const;
    [[nodiscard]] Row row(const std::string& pool, unsigned slot = 0) const;
    [[nodiscard]] std::vector<pid_t> pids(const std::string& pool) const; // by slot
    [[nodiscard]] boost::json::value pool(const std::string& name) const;
    [[nodiscard]] boost::json::value socket(const std::string& name) const;
    [[nodiscard]] Endpoint at(const std::string& socket) const; // where it is bound
    [[nodiscard]] bool all_ready(const std::string& pool, unsigned workers) const;

    void write_spec(const std::string& spec);   // in place
    void replace_spec(const std::string& spec); // renamed into place
    [[nodiscard]] std::string spec_path() const { return scratch_ / "ostler.yaml"; }
    [[nodiscard]] std::string dir() const { return scratch_.path(); }
    [[nodiscard]] std::string operator/(const std::string& name) const { return scratch_ / name; }
    [[nodiscard]] std::string control() const
    {
        return settings_.control.empty() ? scratch_ / "control.sock" : settings_.control;
    }

    [[nodiscard]] pid_t keeper() const { return child_->pid(); }
    [[nodiscard]] pid_t master() const;
    void signal(int number) { child_->signal(number); }
    [[nodiscard]] std::optional<Ended> ended(Milliseconds within = patience)
    {
        return child_->wait(within);
    }
    [[nodiscard]] bool running() { return child_->running(); }
    [[nodiscard]] std::string log() const { return child_->err(); }
    [[nodiscard]] bool logs(const std::string& text, Milliseconds within = patience) const;
    [[nodiscard]] std::string out() const { return child_->out(); }
    [[nodiscard]] Ended stop(); // SIGTERM and its end

    // The spec's text with DIR, WORKER and SCRIPTS filled in.
    [[nodiscard]] std::string fill(std::string spec) const;

private:
    Scratch scratch_;
    Settings settings_;
    NotifySocket notify_;
    std::unique_ptr<Child> child_;
};

} // namespace ostler::test
