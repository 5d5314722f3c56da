// SPDX-License-Identifier: MIT
#include "daemon/ending.hpp"

#include <csignal>
#include <cstring>

namespace ostler
{

Ending ending_from(const wire::keeper::Exited& exited)
{
    Ending ending;
    if (exited.code == CLD_EXITED)
        ending.code = exited.status;
    else
        ending.signal = exited.status;
    ending.core_dumped = exited.code == CLD_DUMPED;
    return ending;
}

std::string signal_name(int signal)
{
    if (const char* name = ::sigabbrev_np(signal))
        return std::string{"SIG"} + name;
    return "signal " + std::to_string(signal);
}

namespace
{

std::string describe_exit(const Ending& ending)
{
    if (ending.signal)
        return "killed by " + signal_name(*ending.signal) +
               (ending.core_dumped ? ", core dumped" : "");
    if (ending.voluntary)
        return "left";
    return "exited with code " + std::to_string(ending.code.value_or(0));
}

} // namespace

std::string describe(const Ending& ending)
{
    if (!ending.start_failure.empty())
        return ending.start_failure;
    if (ending.timed_out)
        return "was not ready in time";
    if (!ending.ended_for.empty())
        return ending.ended_for + " and was ended (" + describe_exit(ending) + ")";
    return describe_exit(ending);
}

const char* reason_of(const Ending& ending)
{
    if (!ending.start_failure.empty())
        return "start_failed";
    if (ending.timed_out)
        return "start_timeout";
    return ending.signal ? "signal" : "exit";
}

boost::json::object json_of(const Ending& ending)
{
    boost::json::object json{{"code", nullptr}, {"signal", nullptr}};
    if (ending.code)
        json["code"] = *ending.code;
    if (ending.signal)
        json["signal"] = signal_name(*ending.signal);
    json["voluntary"] = ending.voluntary;
    json["exited_after_disconnect"] = ending.voluntary || ending.asked;
    json["reason"] = reason_of(ending);
    json["text"] = describe(ending);
    return json;
}

} // namespace ostler
