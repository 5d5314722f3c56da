// SPDX-License-Identifier: MIT
#include "config/problems.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

#include "ipc/text/utf8.hpp"

namespace ostler::config
{

namespace
{

bool before(const Diagnostic& a, const Diagnostic& b)
{
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
}

bool same_mistake(const Diagnostic& a, const Diagnostic& b)
{
    return !before(a, b) && !before(b, a) && a.message == b.message &&
           (a.place.line > 0 || a.path == b.path);
}

// A cut within a character of several bytes moves back to its start.
std::string_view cut(std::string_view text)
{
    constexpr std::size_t longest = 80;
    if (text.size() <= longest)
        return text;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return text.substr(0, end);
}

} // namespace

void Problems::add(Place place, std::string path, std::string message)
{
    found_.push_back({place, std::move(path), std::move(message)});
}

std::vector<Diagnostic> Problems::sorted() &&
{
    std::ranges::stable_sort(found_, before);
    std::vector<Diagnostic> kept;
    for (auto from = found_.begin(); from != found_.end();) {
        const auto next =
            std::find_if(from, found_.end(), [&](const Diagnostic& d) { return before(*from, d); });
        const auto first = kept.size();
        for (; from != next; ++from)
            if (std::none_of(kept.begin() + static_cast<std::ptrdiff_t>(first), kept.end(),
                             [&](const Diagnostic& d) { return same_mistake(d, *from); }))
                kept.push_back(std::move(*from));
    }
    return kept;
}

std::string printable(std::string_view text)
{
    const auto shown = cut(text);
    const std::string safe = text::printable(shown);
    return shown.size() < text.size() ? safe + "…" : safe;
}

std::string quote(std::string_view text)
{
    return '"' + printable(text) + '"';
}

std::string to_string(const Diagnostic& problem, const std::string& file)
{
    std::string out = file;
    if (problem.place.line > 0)
        out += fmt::format(":{}:{}", problem.place.line, problem.place.column);
    if (!problem.path.empty())
        out += ": " + problem.path;
    return out + ": " + problem.message;
}

} // namespace ostler::config
