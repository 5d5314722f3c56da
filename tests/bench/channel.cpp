// SPDX-License-Identifier: MIT
// The master's half of a worker's channel, with libostler at the other end.
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "daemon/load_page.hpp"
#include "ipc/channel/native_dialect.hpp"
#include "tests/bench/connection.hpp"
#include "tests/bench/pace.hpp"
#include "tests/support/child.hpp"
#include "tests/support/programs.hpp"

namespace ostler::bench
{

using namespace test;

namespace
{

class Channel final : public ipc::DialectEvents
{
public:
    Channel(const Traffic& traffic, Milliseconds during)
        : traffic_{traffic},
          pace_{traffic, during},
          page_{LoadPage::make()},
          dialect_{ipc::make_native_dialect(loop_.get_executor(), {1, 0, 1, "bench", {}},
                                            page_.value().descriptor(), {}, *this)},
          body_{std::make_shared<const std::string>(traffic.size, 'x')}
    {
        auto outfit = std::get<ipc::Outfit>(dialect_->outfit());
        const ipc::Passed& channel = outfit.descriptors.front();
        Child::Settings how{.env = {outfit.env.begin(), outfit.env.end()},
                            .fds = {channel.descriptor.get()}};
        how.env[channel.variable] = "3";
        other_ = std::make_unique<Child>(Words{echo_program}, how);
    }
    ~Channel() override
    {
        other_->signal(SIGKILL);
        static_cast<void>(dialect_->release());
    }
    double run()
    {
        dialect_->started();
        while (!pace_.done()) {
            loop_.run_one_for(give_up);
            if (gone_ || pace_.stuck())
                throw std::runtime_error("the other end is gone, or stuck");
        }
        return pace_.per_second();
    }

    void said_online(const std::string&) override { fill(); }
    std::variant<unsigned, ipc::Refusal> said(const ipc::Destination&, ipc::Message) override
    {
        pace_.came_back();
        fill();
        return 1u;
    }
    std::variant<ipc::Grant, ipc::Refusal> asked_for(const std::string&) override
    {
        return ipc::Refusal{ENOENT, "there are no sockets"};
    }
    void asked_for(const ipc::Wanted&, Answer answer) override
    {
        answer(ipc::Refusal{EACCES, "there are no sockets"});
    }
    void said_listening(const std::string&) override {}
    void said_closed(const std::string&) override {}
    void said_ready() override {}
    void said_drained() override {}
    void said_leaving() override {}
    void said_load(std::uint64_t, std::uint64_t, std::uint64_t) override {}
    void said_in_vain(const ipc::Refusal&) override { gone_ = true; }
    void disconnected() override { gone_ = true; }
    void misbehaved(const std::string&) override { gone_ = true; }
    void stray(std::vector<os::UniqueFd>) override {}

private:
    void fill()
    {
        while (pace_.may_send()) {
            ipc::Message message{.body = body_, .handle = {}};
            if (traffic_.handles)
                message.handle = os::UniqueFd{os::adopt, connection_.lend().get()};
            const ipc::Delivery delivery = dialect_->deliver({}, message);
            static_cast<void>(message.handle.release()); // was lent
            if (delivery != ipc::Delivery::sent)
                throw std::runtime_error("a message was not taken");
            pace_.sent();
        }
    }

    Traffic traffic_;
    Pace pace_;
    Connection connection_;
    boost::asio::io_context loop_{1};
    os::Result<LoadPage> page_;
    std::unique_ptr<ipc::Dialect> dialect_;
    std::shared_ptr<const std::string> body_;
    std::unique_ptr<Child> other_;
    bool gone_ = false;
};

} // namespace

double channel_echoes(const Traffic& traffic, Milliseconds during)
{
    return Channel{traffic, during}.run();
}

} // namespace ostler::bench
