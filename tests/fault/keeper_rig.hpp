// SPDX-License-Identifier: MIT
// The real keeper and the real launcher with a fake master, which lends its end of the channel to
// the test: the test speaks the master's part itself.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/os/fd.hpp"
#include "ipc/wire/keeper.hpp"
#include "ipc/wire/plan.hpp"
#include "tests/support/child.hpp"
#include "tests/support/scratch.hpp"

namespace ostler::test
{

// A pipe of the test's own; what is lent is the writing end.
class Pipe
{
public:
    Pipe();
    [[nodiscard]] os::FdRef writer() const { return write_.borrow(); }
    void close_writer() { write_.reset(); }
    // What comes until the end of the file; an error of the test when that does not come in time.
    [[nodiscard]] std::string read_all();
    [[nodiscard]] std::string read_line();

private:
    [[nodiscard]] std::string read_until(bool (*enough)(std::string_view));
    os::UniqueFd read_, write_;
};

// "sh -c SCRIPT" in every respect but the user.
[[nodiscard]] wire::plan::Plan shell_plan(const std::string& script, pid_t parent);

// As JOURNAL_STREAM would name it.
[[nodiscard]] std::string stream_of(os::FdRef file);

// What the launcher reported; nothing when it executed the program.
[[nodiscard]] std::optional<wire::plan::Report> report_in(Pipe& pipe);

class KeeperRig
{
public:
    explicit KeeperRig(std::map<std::string, std::string> env = {}, Words arguments = {},
                       os::FdRef err = os::FdRef{-1}); // lent, instead of keeper().err()
    ~KeeperRig(); // ends what is left; that nothing was is for the test to say

    [[nodiscard]] Child& keeper() { return *keeper_; }
    [[nodiscard]] pid_t master() const { return master_; }

    void order(const std::string& what); // to the fake master; done when it returns
    [[nodiscard]] std::string master_says();

    template <typename Message>
    void tell(const Message& message, const std::vector<int>& lent = {})
    {
        std::byte buffer[wire::keeper::max_packet_bytes];
        send(wire::encode(buffer, message), lent);
    }
    void tell_bytes(std::span<const std::byte> packet) { send(packet, {}); }
    // False when the keeper has not made room for it within a second.
    [[nodiscard]] bool try_to_tell(std::span<const std::byte> packet);
    // The next packet, which must be of this type.
    template <typename Message>
    [[nodiscard]] Message hear()
    {
        receive(Message::type);
        wire::Reader reader{body_};
        Message message;
        if (!wire::read_fields(reader, message))
            throw std::runtime_error("the keeper sent a packet that is too short");
        return message;
    }
    [[nodiscard]] wire::keeper::Type next_type(); // of the packet that hear() will give
    [[nodiscard]] bool silent_for(Milliseconds time) const;
    [[nodiscard]] os::UniqueFd take_descriptor() { return std::move(descriptor_); }
    void close_channel() { channel_.reset(); }

    // START of this plan with these descriptors after the plan and the report pipe.
    void start(std::uint64_t worker, const wire::plan::Plan& plan, Pipe& report,
               const std::vector<int>& fds = {});
    // A worker that runs this script: its pid, once it executes.
    pid_t run(std::uint64_t worker, const std::string& script);
    [[nodiscard]] wire::plan::Plan plan(const std::string& script) const
    {
        return shell_plan(script, keeper_->pid());
    }

private:
    void send(std::span<const std::byte> packet, const std::vector<int>& lent);
    void receive(wire::keeper::Type type);

    Scratch scratch_;
    os::UniqueFd listener_, orders_, channel_;
    std::optional<Child> keeper_;
    pid_t master_ = 0;
    std::byte packet_[wire::keeper::max_packet_bytes];
    std::span<const std::byte> body_;
    os::UniqueFd descriptor_;
};

inline const std::string keeper_tree = OSTLER_KEEPER_TREE; // ostlerd, a fake master, launch
inline const std::string launch_program = OSTLER_LAUNCH;
inline const std::string confined_program = OSTLER_CONFINED;

} // namespace ostler::test
