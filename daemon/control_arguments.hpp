// SPDX-License-Identifier: MIT
// The arguments of a control request. The first one that is missing or of the wrong kind is
// remembered as a sentence; the handler asks once, after it has read them all.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ostler
{

class ControlArguments
{
public:
    explicit ControlArguments(const boost::json::object& body) : body_{body} {}

    [[nodiscard]] std::optional<std::string> text(std::string_view name)
    {
        const auto* value = find(name);
        if (value == nullptr)
            return std::nullopt;
        if (!value->is_string())
            complain(name, "a string");
        return value->is_string() ? std::optional{std::string{value->get_string()}} : std::nullopt;
    }
    // Of a pool, a worker or the like: an empty one would be mistaken for none, which means all.
    [[nodiscard]] std::optional<std::string> name(std::string_view name)
    {
        auto value = text(name);
        if (value && value->empty())
            complain(name, "a string that is not empty");
        return value;
    }
    [[nodiscard]] std::string required_name(std::string_view name)
    {
        auto value = this->name(name);
        if (!value)
            complain(name, "a string");
        return value.value_or("");
    }
    [[nodiscard]] std::optional<boost::json::object> object(std::string_view name)
    {
        const auto* value = find(name);
        if (value != nullptr && !value->is_object())
            complain(name, "an object");
        return value != nullptr && value->is_object() ? std::optional{value->get_object()}
                                                      : std::nullopt;
    }
    [[nodiscard]] bool flag(std::string_view name)
    {
        const auto* value = find(name);
        if (value != nullptr && !value->is_bool())
            complain(name, "true or false");
        return value != nullptr && value->is_bool() && value->get_bool();
    }
    [[nodiscard]] std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most,
                                      std::optional<std::int64_t> otherwise = {})
    {
        const auto* value = find(name);
        if (value == nullptr && otherwise)
            return *otherwise;
        if (value != nullptr && value->is_int64() && least <= value->get_int64() &&
            value->get_int64() <= most)
            return value->get_int64();
        complain(name,
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        return least;
    }

    // Null is the same as absent.
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] const std::string& problem() const { return problem_; } // empty: all is well

private:
    [[nodiscard]] const boost::json::value* find(std::string_view name) const
    {
        const auto* value = body_.if_contains(name);
        return value != nullptr && !value->is_null() ? value : nullptr;
    }
    void complain(std::string_view name, const std::string& wanted)
    {
        if (problem_.empty())
            problem_ = "the argument \"" + std::string{name} + "\" must be " + wanted;
    }

    const boost::json::object& body_;
    std::string problem_;
};

} // namespace ostler
