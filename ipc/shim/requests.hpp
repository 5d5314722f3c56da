// SPDX-License-Identifier: MIT
// What the worker has asked and not been answered yet. A new master may want to be asked again,
// with the same numbers, so everything a request was made of is kept here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ipc/wire/native.hpp"

namespace ostler::shim
{

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
    std::uint32_t index = 0;    // listen: counts this worker's listens
    std::uint32_t listener = 0; // close
    int result = 0;             // answered: what the call returns
    std::size_t name_size = 0;
    char name[wire::native::max_name] = {}; // listen

    [[nodiscard]] std::string_view what() const { return {name, name_size}; }
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
