// SPDX-License-Identifier: MIT
#include "cmd/ostler/call.hpp"

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <iostream>

#include "config/scalars.hpp"
#include "ipc/control/address.hpp"
#include "ipc/control/exit_code.hpp"
#include "ipc/control/finding.hpp"
#include "ipc/text/utf8.hpp"

namespace ostler::cli
{

std::optional<std::string> Call::text(const char* option) const
{
    if (!has(option))
        return std::nullopt;
    return given[option].as<std::string>();
}

std::optional<std::string> Call::named_socket() const
{
    if (has("socket"))
        return text("socket");
    const char* named = std::getenv("OSTLER_SOCKET");
    return named && *named ? std::optional<std::string>{named} : std::nullopt;
}

std::string Call::socket() const
{
    return named_socket().value_or(control::default_path());
}

control::Client::Deadline Call::deadline(std::optional<std::chrono::milliseconds> usual) const
{
    const auto given_time = has("timeout") ? config::parse_duration(*text("timeout")) : usual;
    if (!given_time)
        return std::nullopt;
    return control::Client::Clock::now() + *given_time;
}

int fail(int code, const std::string& sentence)
{
    std::cerr << "ostler: " << text::printable_lines(sentence) << "\n";
    return code;
}

control::Answer ask(const Call& call, const char* verb, boost::json::object arguments,
                    const control::Client::Listening& listening,
                    std::optional<std::chrono::milliseconds> usual)
{
    arguments["verb"] = verb;
    return ask(call, {control::Type::request, 0, std::move(arguments)}, listening, usual);
}

control::Answer ask(const Call& call, control::Message request,
                    const control::Client::Listening& listening,
                    std::optional<std::chrono::milliseconds> usual)
{
    const auto deadline = call.deadline(usual);
    auto connected = control::find_daemon(call.text("socket").value_or(""), deadline);
    if (auto* answer = std::get_if<control::Answer>(&connected))
        return std::move(*answer);
    control::Client client{std::get<control::Connection>(std::move(connected))};
    return client.request(std::move(request), deadline, listening);
}

int ask_and_print(const Call& call, const char* verb, boost::json::object arguments)
{
    arguments["verb"] = verb;
    return ask_and_print(call, {control::Type::request, 0, std::move(arguments)});
}

int ask_and_print(const Call& call, control::Message request)
{
    control::Client::Listening listening;
    listening.progress = [](std::string_view sentence) {
        std::cerr << text::printable(sentence) << std::endl;
    };
    const control::Answer answer = ask(call, std::move(request), listening);
    if (call.json() && answer.exit != exit_no_daemon) {
        boost::json::object whole = answer.data;
        whole["exit"] = answer.exit;
        whole["message"] = answer.message;
        std::cout << boost::json::serialize(whole) << std::endl;
        return answer.exit;
    }
    if (answer.exit != exit_done)
        return fail(answer.exit, answer.message);
    std::cout << text::printable_lines(answer.message) << std::endl;
    return exit_done;
}

} // namespace ostler::cli
