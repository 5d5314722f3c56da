// SPDX-License-Identifier: MIT
#include "daemon/control_messages.hpp"

#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <utility>

#include "daemon/control_arguments.hpp"
#include "daemon/for_ever.hpp"
#include "ipc/control/exit_code.hpp"

namespace ostler
{
namespace
{

using boost::asio::awaitable;
using wire::native::Content;

constexpr std::string_view bodies =
    "a message is either attached, or in one of the arguments \"text\" and \"json\"";

ipc::Message message_of(Content content, std::string body)
{
    return {content, std::make_shared<const std::string>(std::move(body)), {}};
}

// A program attaches its bytes; a script has them in the request. A sentence where that is unclear.
std::variant<ipc::Message, std::string> read_message(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    const std::string content = arguments.text("content").value_or("bytes");
    auto text = arguments.text("text");
    const auto* json = call.arguments.if_contains("json");
    if (!arguments.problem().empty())
        return arguments.problem();
    if (content != "bytes" && content != "json")
        return "the argument \"content\" must be \"bytes\" or \"json\"";
    const int given = (call.bytes ? 1 : 0) + (text ? 1 : 0) + (json != nullptr ? 1 : 0);
    if (given != 1)
        return std::string{bodies};
    if (json != nullptr)
        return message_of(Content::json, boost::json::serialize(*json));
    const Content kind = content == "json" ? Content::json : Content::bytes;
    return message_of(kind, call.bytes ? std::move(*call.bytes) : std::move(*text));
}

os::UniqueFd copy_of(const os::UniqueFd& handle)
{
    return os::UniqueFd{os::adopt, ::fcntl(handle.get(), F_DUPFD_CLOEXEC, 0)};
}

// One client that hears what workers say. To one that does not keep up messages get lost rather
// than kept for it, and it learns how many.
class Hearing final : public Post::Subscriber
{
public:
    Hearing(ControlCall& call, WorkerFilter filter) : call_{call}, filter_{std::move(filter)}
    {
        call_.post.subscribe(*this);
    }
    ~Hearing() override { call_.post.unsubscribe(*this); }
    Hearing(const Hearing&) = delete;
    Hearing& operator=(const Hearing&) = delete;

    ipc::Delivery heard(const Post::Author& from, const ipc::Message& message) override
    {
        if (!filter_.covers(from.pool, from.slot, from.worker))
            return ipc::Delivery::gone;
        call_.outlet.catch_up(); // with the events of its author
        os::UniqueFd handle;
        if (message.handle.valid())
            handle = copy_of(message.handle);
        if (call_.outlet.crowded() || handle.valid() != message.handle.valid()) {
            ++missed_;
            return ipc::Delivery::full;
        }
        if (missed_ != 0)
            send({{"missed", std::exchange(missed_, 0)}}, {}, os::UniqueFd{});
        boost::json::object head{{"worker", from.worker},
                                 {"pool", from.pool},
                                 {"slot", from.slot},
                                 {"content", message.content == Content::json ? "json" : "bytes"},
                                 {"handle", handle.valid()}};
        send(std::move(head), *message.body, std::move(handle));
        return ipc::Delivery::sent;
    }

private:
    void send(boost::json::object head, std::string bytes, os::UniqueFd handle)
    {
        call_.outlet.send({control::Type::message, call_.request, std::move(head), std::move(bytes),
                           std::move(handle)});
    }

    ControlCall& call_;
    WorkerFilter filter_;
    std::uint64_t missed_ = 0;
};

} // namespace

awaitable<Outcome> run_send(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto target = arguments.name("target");
    if (!arguments.problem().empty())
        co_return Outcome{exit_usage, arguments.problem(), {}};
    auto read = read_message(call);
    if (auto* problem = std::get_if<std::string>(&read))
        co_return Outcome{exit_usage, std::move(*problem), {}};
    auto& message = std::get<ipc::Message>(read);
    if (!call.handles.empty())
        message.handle = std::move(call.handles.front());
    auto outcome = call.operations.send(std::move(target), message);
    if (!call.handles.empty())
        call.handles.front() = std::move(message.handle);
    co_return outcome;
}

awaitable<Outcome> run_messages(ControlCall& call)
{
    ControlArguments arguments{call.arguments};
    auto filter = call.filter(arguments.name("target").value_or(""));
    if (!arguments.problem().empty())
        co_return Outcome{exit_usage, arguments.problem(), {}};
    if (auto unknown = call.unknown_pool(filter))
        co_return *unknown;
    const Hearing hearing{call, std::move(filter)};
    call.progress()("listening"); // what is said from now on arrives
    co_await for_ever();
    co_return Outcome{};
}

} // namespace ostler
