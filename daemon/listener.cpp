// SPDX-License-Identifier: MIT
#include "daemon/listener.hpp"

#include <fmt/format.h>
#include <utility>

#include "daemon/binding.hpp"
#include "daemon/socket_listener.hpp"

namespace ostler
{
namespace
{

// Whatever the service manager passes by the right name is right.
bool expected(const config::Address& address, const os::Endpoint& is)
{
    if (address.family == config::Address::Family::inherited)
        return true;
    const auto wanted = endpoint_of(address);
    return wanted && wanted->family() == is.family() && wanted->transport() == is.transport();
}

// What somebody else has bound: only what the spec expects there.
std::optional<SocketListener::Bound> take_over(const config::Socket& spec, os::UniqueFd bound,
                                               std::string& sentence)
{
    const auto fail = [&](const std::string& why) {
        sentence = fmt::format("cannot take over {}: {}", spec.listen.text, why);
        return std::nullopt;
    };
    const auto is = os::Endpoint::of(bound.borrow());
    if (!is)
        return fail("the descriptor is not a socket");
    if (!expected(spec.listen, *is))
        return fail(fmt::format("the descriptor is {}", is->text()));
    if (const auto done = os::set_nonblocking(bound.borrow()); !done)
        return fail(done.error().message());
    const bool stream = is->transport() == os::Transport::stream;
    if (spec.listen.family == config::Address::Family::inherited) {
        if (stream && !os::listening(bound.borrow()))
            return fail(is->text() + " does not listen: connections must not be accepted by the "
                                     "service manager (Accept=no)");
        // Its options and its file are its maker's.
        return SocketListener::Bound{std::move(bound), std::make_shared<os::UnixFile>(),
                                     Dispatcher::Trust::others_hold_it};
    }
    if (stream)
        if (const auto done = os::listen_on(bound.borrow(), stream_options(spec)); !done)
            return fail(done.error().message());
    auto file = is->family() == AF_UNIX && !is->abstract()
                    ? os::UnixFile::at(is->path())
                    : os::Result<os::UnixFile>{os::UnixFile{}};
    auto kept = std::make_shared<os::UnixFile>(file ? std::move(*file) : os::UnixFile{});
    return SocketListener::Bound{std::move(bound), std::move(kept),
                                 Dispatcher::Trust::others_hold_it};
}

} // namespace

std::unique_ptr<Listener> Listener::bind(boost::asio::any_io_executor executor,
                                         const config::Socket& spec, Failure& failure,
                                         std::span<const os::FdRef> leaving)
{
    auto bound = bind_socket(spec, failure.sentence, leaving);
    if (!bound)
        return nullptr;
    SocketListener::Bound ours{std::move(bound->fd),
                               std::make_shared<os::UnixFile>(std::move(bound->file))};
    return SocketListener::make(std::move(executor), spec, std::move(ours), failure);
}

std::unique_ptr<Listener> Listener::adopt(boost::asio::any_io_executor executor,
                                          const config::Socket& spec, os::UniqueFd bound,
                                          Failure& failure)
{
    auto taken = take_over(spec, std::move(bound), failure.sentence);
    if (!taken)
        return nullptr;
    return SocketListener::make(std::move(executor), spec, std::move(*taken), failure);
}

} // namespace ostler
