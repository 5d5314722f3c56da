// SPDX-License-Identifier: MIT
#include "ipc/channel/plain_dialect.hpp"

#include <cerrno>
#include <fcntl.h>

namespace ostler::ipc
{
namespace
{

constexpr int first_listen_fd = 3; // SD_LISTEN_FDS_START

class PlainDialect : public Dialect
{
public:
    std::variant<Outfit, Refusal> outfit() override { return Outfit{}; }
    void started() override {}
    bool drain(std::chrono::milliseconds) override { return false; }
    bool replace(const std::string&, os::FdRef) override { return false; }
    Delivery deliver(const Sender&, const Message&) override { return Delivery::gone; }
    void disconnect() override {}
    os::UniqueFd release() override { return {}; }
};

class ActivationDialect final : public PlainDialect
{
public:
    ActivationDialect(Identity identity, DialectEvents& events)
        : identity_{std::move(identity)}, events_{events}
    {
    }

    std::variant<Outfit, Refusal> outfit() override
    {
        Outfit outfit;
        std::string names;
        for (const std::string& socket : identity_.sockets) {
            const auto answered = events_.asked_for(socket);
            if (const Refusal* refusal = std::get_if<Refusal>(&answered))
                return *refusal;
            const int copy =
                ::fcntl(std::get<Grant>(answered).descriptor.get(), F_DUPFD_CLOEXEC, 0);
            if (copy < 0)
                return Refusal{errno, "no descriptor for socket " + socket};
            const int number = first_listen_fd + static_cast<int>(outfit.descriptors.size());
            outfit.descriptors.push_back({os::UniqueFd{os::adopt, copy}, number});
            names += (names.empty() ? "" : ":") + socket;
        }
        if (outfit.descriptors.empty())
            return outfit;
        outfit.env.emplace_back("LISTEN_FDS", std::to_string(outfit.descriptors.size()));
        outfit.env.emplace_back("LISTEN_FDNAMES", names);
        outfit.listen_pid = true;
        return outfit;
    }

private:
    Identity identity_;
    DialectEvents& events_;
};

} // namespace

std::unique_ptr<Dialect> make_plain_dialect()
{
    return std::make_unique<PlainDialect>();
}

std::unique_ptr<Dialect> make_activation_dialect(Identity identity, DialectEvents& events)
{
    return std::make_unique<ActivationDialect>(std::move(identity), events);
}

} // namespace ostler::ipc
