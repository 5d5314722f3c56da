// SPDX-License-Identifier: MIT
// The words of the spec for each enum: one table each, used for reading and for saying.
#pragma once

#include <array>
#include <string_view>

#include "config/spec.hpp"

namespace ostler::config
{

template <typename E>
struct Word {
    std::string_view word;
    E value;
};
template <typename E> // clang 14, which fuzzes the reader, does not deduce it by itself
Word(std::string_view, E)->Word<E>;

// Words that the design has and this version has not.
template <typename E>
inline constexpr std::array<std::string_view, 0> words_not_built{};
template <typename E>
inline constexpr int words_of = 0; // specialised below for each enum

template <>
inline constexpr std::array words_of<Scheduling>{
    Word{"auto", Scheduling::automatic},
    Word{"round-robin", Scheduling::round_robin},
    Word{"shared", Scheduling::shared},
};
template <>
inline constexpr std::array<std::string_view, 3> words_not_built<Scheduling>{
    "kernel", "least-connections", "client-hash"};

template <>
inline constexpr std::array words_of<Overflow>{Word{"hold", Overflow::hold},
                                               Word{"shed", Overflow::shed}};

template <>
inline constexpr std::array words_of<Protocol>{
    Word{"ostler", Protocol::ostler},
    Word{"systemd", Protocol::systemd},
    Word{"none", Protocol::none},
};
template <>
inline constexpr std::array<std::string_view, 2> words_not_built<Protocol>{"node", "transparent"};

template <>
inline constexpr std::array words_of<ReadyWhen>{
    Word{"spawned", ReadyWhen::spawned},
    Word{"online", ReadyWhen::online},
    Word{"listening", ReadyWhen::listening},
    Word{"notify", ReadyWhen::notify},
};
template <>
inline constexpr std::array<std::string_view, 1> words_not_built<ReadyWhen>{"probe"};

template <>
inline constexpr std::array words_of<RestartWhen>{
    Word{"always", RestartWhen::always},
    Word{"on-failure", RestartWhen::on_failure},
    Word{"on-abnormal", RestartWhen::on_abnormal},
    Word{"never", RestartWhen::never},
};

template <>
inline constexpr std::array words_of<BudgetSpent>{
    Word{"slow", BudgetSpent::slow},
    Word{"fail", BudgetSpent::fail},
    Word{"exit", BudgetSpent::exit},
};

template <>
inline constexpr std::array words_of<RolloutFailure>{
    Word{"rollback", RolloutFailure::rollback},
    Word{"stop", RolloutFailure::stop},
};

template <>
inline constexpr std::array words_of<LogLevel>{
    Word{"trace", LogLevel::trace}, Word{"debug", LogLevel::debug}, Word{"info", LogLevel::info},
    Word{"warn", LogLevel::warn},   Word{"error", LogLevel::error},
};

template <>
inline constexpr std::array words_of<LogFormat>{Word{"text", LogFormat::text},
                                                Word{"json", LogFormat::json}};

template <>
inline constexpr std::array words_of<Watch>{Word{"true", Watch::changes},
                                            Word{"false", Watch::never}, Word{"all", Watch::all}};

template <typename E>
constexpr std::string_view word_for(E value)
{
    for (const auto& [word, meaning] : words_of<E>)
        if (meaning == value)
            return word;
    return {};
}

} // namespace ostler::config
