// SPDX-License-Identifier: MIT
// What the daemon says of workers, read out of its JSON. Members that are missing, or are of
// another kind, count as not there: a newer daemon may say more, and an older one less.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ipc/cluster/state.hpp"
#include "ipc/control/protocol.hpp"

namespace ostler::cluster
{

[[nodiscard]] std::optional<std::int64_t> number_in(const boost::json::object& body,
                                                    std::string_view key);
[[nodiscard]] std::string text_in(const boost::json::object& body, std::string_view key);
[[nodiscard]] bool flag_in(const boost::json::object& body, std::string_view key);

[[nodiscard]] Cluster::WorkerId worker_in(const boost::json::object& body); // 0: names none
[[nodiscard]] std::optional<int> pid_in(const boost::json::object& body);
[[nodiscard]] Cluster::Address address_in(const boost::json::object& event);
[[nodiscard]] Cluster::Exit exit_in(const boost::json::object& event);
[[nodiscard]] Cluster::Message message_in(control::Message& message);

// The workers of a pool in a status.
struct Row {
    Stage stage;
    std::optional<int> pid;
};
using Rows = std::map<Cluster::WorkerId, Row>;
[[nodiscard]] Rows rows_in(const boost::json::object& status);
[[nodiscard]] std::int64_t last_event_in(const boost::json::object& status);
[[nodiscard]] std::map<std::string, std::string> policies_in(const boost::json::object& status);

} // namespace ostler::cluster
