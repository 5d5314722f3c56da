// SPDX-License-Identifier: MIT
#include "config/listen_allow.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "config/address.hpp"
#include "config/readers.hpp"
#include "config/values.hpp"

namespace ostler::config
{

namespace
{

using Kind = ListenAllow::Kind;

bool has_port(const Address& address)
{
    return address.family == Address::Family::tcp || address.family == Address::Family::udp;
}

bool in_the_words_of_the_spec(const std::string& pattern)
{
    return pattern.starts_with("tcp://") || pattern.starts_with("udp://") ||
           pattern.starts_with("unix:/") || pattern.starts_with("unix:@");
}

// Without a star it is an address, and any spelling of it will do.
void read_pattern(const Cursor& at, std::string& into)
{
    const auto text = at.text("an address like \"tcp://127.0.0.1:8080\", or \"tcp://*:*\"");
    if (!text)
        return;
    into = *text;
    if (!in_the_words_of_the_spec(*text))
        return at.complain(fmt::format("{} matches no address: begin with tcp://, udp://, unix:/ "
                                       "or unix:@",
                                       quote(*text)));
    if (text->find('*') != std::string::npos)
        return;
    const auto address = parse_address(*text, at.reading().folder);
    if (address)
        into = text_of(*address);
    else
        at.complain(address.wrong());
}

} // namespace

bool matches(std::string_view pattern, std::string_view text)
{
    const std::size_t star = pattern.find('*');
    const std::string_view start = pattern.substr(0, star);
    if (star == std::string_view::npos)
        return pattern == text;
    if (!text.starts_with(start))
        return false;
    text.remove_prefix(start.size());
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t skipped = 0;; ++skipped) {
        if (matches(rest, text.substr(skipped)))
            return true;
        if (skipped == text.size() || text[skipped] == '/')
            return false;
    }
}

std::optional<std::string> forbidden(const ListenAllow& allow, const Address& address,
                                     const Asker& asker)
{
    switch (allow.kind) {
    case Kind::any:
        return std::nullopt;
    case Kind::declared:
        return "the pool's listen_allow is declared: only sockets of the spec";
    case Kind::unprivileged:
        if (!has_port(address) || address.port == 0 || address.port >= asker.first_free_port ||
            asker.user == 0)
            return std::nullopt;
        return fmt::format("ports below {} are not for the worker's user, unless the pool's "
                           "listen_allow names this address",
                           asker.first_free_port);
    case Kind::patterns:
        break;
    }
    const std::string text = text_of(address);
    if (std::ranges::any_of(allow.patterns,
                            [&](const auto& pattern) { return matches(pattern, text); }))
        return std::nullopt;
    return "the pool's listen_allow has no pattern for this address";
}

void read(const Cursor& at, ListenAllow& into)
{
    constexpr std::array words{Word{"declared", Kind::declared},
                               Word{"unprivileged", Kind::unprivileged}, Word{"any", Kind::any}};
    if (at.kind() == Value::Kind::list) {
        into.kind = Kind::patterns;
        into.patterns.clear();
        for (const Cursor& item : at.items())
            read_pattern(item, into.patterns.emplace_back());
        return;
    }
    const auto text = at.text("declared, unprivileged, any, or a list of addresses");
    if (!text)
        return;
    const auto found = std::ranges::find(words, *text, &Word<Kind>::word);
    if (found == words.end())
        return at.expected("declared, unprivileged, any, or a list of addresses");
    into.kind = found->value;
}

} // namespace ostler::config
