// SPDX-License-Identifier: MIT
#include "daemon/worker_start.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "ipc/channel/native_dialect.hpp"
#include "ipc/channel/plain_dialect.hpp"
#include "ipc/sealed_plan.hpp"

namespace ostler
{
namespace
{

int open_pipe(Pipe& pipe)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    pipe.read.reset(ends[0]);
    pipe.write.reset(ends[1]);
    // Ours only: the worker's end must block, or its printf would lose what we are slow to read.
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

} // namespace

int StartPipes::open(const config::Program& program)
{
    int error = open_pipe(report);
    if (error == 0 && program.out.kind == config::Output::Kind::log)
        error = open_pipe(out);
    if (error == 0 && program.err.kind == config::Output::Kind::log)
        error = open_pipe(err);
    return error;
}

std::unique_ptr<ipc::Dialect> make_dialect(boost::asio::any_io_executor executor,
                                           const config::Pool& spec, const ipc::Identity& identity,
                                           const std::optional<LoadPage>& page,
                                           ipc::DialectEvents& events)
{
    switch (spec.program.protocol) {
    case config::Protocol::ostler:
        return ipc::make_native_dialect(std::move(executor), identity, page->descriptor(),
                                        {.longest = spec.messages.limit,
                                         .waiting = spec.messages.waiting,
                                         .patience = spec.messages.patience},
                                        events);
    case config::Protocol::systemd:
        return ipc::make_activation_dialect(identity, events);
    case config::Protocol::none:
        return ipc::make_plain_dialect();
    }
    return nullptr;
}

std::string send_start(KeeperLink& keeper, WorkerId worker, const Start& start, os::FdRef report,
                       KeeperLink::Ward& ward)
{
    const os::Result<os::UniqueFd> plan = seal_plan(start.plan);
    if (!plan)
        return "writing its plan: " + plan.error().message();
    std::vector<int> lent{plan->get(), report.get()};
    lent.insert(lent.end(), start.lent.begin(), start.lent.end());
    if (!keeper.start(worker, lent, ward))
        return "the keeper cannot be reached";
    return {};
}

std::string describe_failure(const wire::plan::Report& report, const config::Pool& pool)
{
    using wire::plan::Stage;
    const auto stage = static_cast<Stage>(report.stage);
    std::string step{wire::plan::stage_name(stage)};
    if (stage == Stage::user && pool.program.user)
        step = "changing to user " + pool.program.user->name;
    else if (stage == Stage::groups && pool.program.user)
        step = "changing to the groups of user " + pool.program.user->name;
    else if (stage == Stage::executing)
        step += " " + pool.program.exec;
    else if (stage == Stage::working_directory)
        step += " " + pool.program.cwd;
    return step + ": " + std::strerror(report.error);
}

} // namespace ostler
