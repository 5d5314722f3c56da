// SPDX-License-Identifier: MIT
// A controller that says what later forks of pool "job" are started with.
#pragma once

#include <string>

#include "ipc/control/client.hpp"
#include "ipc/control/exit_code.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/proc.hpp"

namespace ostler::test
{

using boost::json::array;
using boost::json::object;
using boost::json::value;
using control::Answer;
using control::Client;

// One connection of a program that may do everything.
class Controller
{
public:
    explicit Controller(const Daemon& d)
        : client_{std::get<Client>(Client::connect(d.control(), Client::Clock::now() + patience))}
    {
    }
    Answer ask(const char* verb, object arguments)
    {
        return client_.request(verb, std::move(arguments), Client::Clock::now() + patience);
    }
    Answer set_up(value settings)
    {
        return ask("setup", {{"pool", "job"}, {"settings", std::move(settings)}});
    }
    object settings() { return settings_in(set_up(nullptr)); }
    object settings_after(value changes) { return settings_in(set_up(std::move(changes))); }
    pid_t fork(object env = {})
    {
        const Answer answer = ask("fork", {{"pool", "job"}, {"env", std::move(env)}});
        INFO(answer.message);
        REQUIRE(answer.exit == exit_done);
        return static_cast<pid_t>(answer.data.at("pid").as_int64());
    }

private:
    static object settings_in(const Answer& answer)
    {
        INFO(answer.message);
        REQUIRE(answer.exit == exit_done);
        return answer.data.at("settings").as_object();
    }
    Client client_;
};

// Once its program runs.
inline bool becomes(pid_t pid, const std::string& line)
{
    return eventually([&] { return command_line(pid) == line + " "; });
}

} // namespace ostler::test
