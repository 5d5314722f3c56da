// SPDX-License-Identifier: MIT
// The pieces of a worker's start that know nothing of its life.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "config/spec.hpp"
#include "daemon/keeper_link.hpp"
#include "daemon/load_page.hpp"
#include "daemon/start_plan.hpp"
#include "ipc/channel/dialect.hpp"

namespace ostler
{

struct Pipe {
    os::UniqueFd read;
    os::UniqueFd write;
};

struct StartPipes {
    Pipe report; // {stage, errno} of a failure; closed by a successful exec
    Pipe out;    // only where the output goes to our logs
    Pipe err;
    [[nodiscard]] int open(const config::Program& program); // 0, or errno
};

// Null when there is no descriptor for its channel; errno says why.
[[nodiscard]] std::unique_ptr<ipc::Dialect> make_dialect(boost::asio::any_io_executor executor,
                                                         const config::Pool& spec,
                                                         const ipc::Identity& identity,
                                                         const std::optional<LoadPage>& page,
                                                         ipc::DialectEvents& events);

// Seals the plan and sends START. A sentence when that fails, empty otherwise.
[[nodiscard]] std::string send_start(KeeperLink& keeper, WorkerId worker, const Start& start,
                                     os::FdRef report, KeeperLink::Ward& ward);

// "changing to user www: Operation not permitted"
[[nodiscard]] std::string describe_failure(const wire::plan::Report& report,
                                           const config::Pool& pool);

} // namespace ostler
