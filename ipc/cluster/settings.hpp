// SPDX-License-Identifier: MIT
// Settings of later forks, to and from the JSON of the control protocol's `setup`.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "ipc/cluster/ostler_cluster.hpp"

namespace ostler::cluster
{

[[nodiscard]] boost::json::object json_of(const Cluster::Environment& variables);
[[nodiscard]] boost::json::object json_of(const Cluster::Settings& settings);
// Each once, in the order in which they go along.
[[nodiscard]] std::vector<int> descriptors_in(const std::vector<Cluster::Stdio>& stdio);
[[nodiscard]] Cluster::Settings settings_in(const boost::json::object& reply);

} // namespace ostler::cluster
