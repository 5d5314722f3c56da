// SPDX-License-Identifier: MIT
// What the worker has asked and not been answered yet. A new master may want to be asked again,
// with the same numbers, so everything a request was made of is kept here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "ipc/shim/pieces.hpp"
#include "ipc/wire/native.hpp"

namespace ostler::shim
{

// What follows the host where that is any that the machine has; empty: it is another one.
[[nodiscard]] inline std::string_view behind_any_host(std::string_view address)
{
    const std::string_view host = behind(address, 6); // "tcp://", "udp://"
    for (const std::string_view any : {"*:", "[::]:"})
        if (begins_with(host, any))
            return behind(host, any.size());
    return {};
}

// The master takes "tcp://*:0" for "tcp://[::]:0", so their free ports are counted together.
[[nodiscard]] inline bool same_address(std::string_view one, std::string_view other)
{
    return one == other || (first(one, 6) == first(other, 6) && !behind_any_host(one).empty() &&
                            behind_any_host(one) == behind_any_host(other));
}

// What a listen asks for.
struct Wish {
    wire::native::ListenBy by = wire::native::ListenBy::name;
    std::uint32_t index = 0;
    std::uint32_t flags = 0;
    std::uint32_t backlog = 0;
    std::size_t size = 0;
    char text[wire::native::max_address] = {};

    [[nodiscard]] std::string_view what() const { return {text, size}; }
    // False when it is too long.
    [[nodiscard]] bool set(std::string_view what)
    {
        if (what.size() > sizeof text)
            return false;
        size = what.size();
        if (size != 0)
            std::memcpy(text, what.data(), size);
        return true;
    }
    // Any free port, of which it may have several.
    [[nodiscard]] bool counts() const
    {
        return by == wire::native::ListenBy::address && !begins_with(what(), "unix:") &&
               ends_with(what(), ":0");
    }
    // The same but for the index.
    [[nodiscard]] bool alike(const Wish& other) const
    {
        return by == other.by && flags == other.flags && same_address(what(), other.what());
    }
};

struct Request {
    enum class State : std::uint8_t {
        unused,
        asked,
        abandoned, // nobody waits any more; the answer still has to be dealt with
        answered,
    };
    State state = State::unused;
    wire::native::Type type{};
    std::uint32_t id = 0;
    std::uint32_t listener = 0; // close
    int result = 0;             // answered: what the call returns
    Wish wish;                  // listen
};

class Requests
{
public:
    // A request with a number of its own, or null when too many are unanswered.
    Request* add(wire::native::Type type)
    {
        for (Request& request : all_)
            if (request.state == Request::State::unused) {
                request = {Request::State::asked, type, ++last_id_};
                return &request;
            }
        return nullptr;
    }

    // The unanswered one that a reply names, if it is of a type that the reply can answer.
    Request* unanswered(std::uint32_t id, wire::native::Type type)
    {
        for (Request& request : all_)
            if (waiting(request) && request.id == id && request.type == type)
                return &request;
        return nullptr;
    }
    Request* unanswered(std::uint32_t id)
    {
        for (Request& request : all_)
            if (waiting(request) && request.id == id)
                return &request;
        return nullptr;
    }

    // Keeps the answer for whoever waits for it; with nobody waiting the request is over.
    static void answer(Request& request, int result)
    {
        const bool awaited = request.state == Request::State::asked;
        request.state = awaited ? Request::State::answered : Request::State::unused;
        request.result = result;
    }

    void each_unanswered(auto&& visit)
    {
        for (Request& request : all_)
            if (waiting(request))
                visit(request);
    }

private:
    static bool waiting(const Request& request)
    {
        return request.state == Request::State::asked || request.state == Request::State::abandoned;
    }

    Request all_[wire::native::max_listeners + 16];
    std::uint32_t last_id_ = 0;
};

} // namespace ostler::shim
