// SPDX-License-Identifier: MIT
#include "ipc/wire/plan.hpp"

#include <cstring>

namespace ostler::wire::plan
{
namespace
{

// Appends sections behind the room for the head.
class Sections
{
public:
    Sections() : bytes_(sizeof(Head)) {}

    [[nodiscard]] Section string(const std::string& text)
    {
        return raw(text.c_str(), text.size() + 1);
    }
    [[nodiscard]] Section strings(const std::vector<std::string>& list)
    {
        std::string joined;
        for (const auto& text : list)
            joined.append(text.c_str(), text.size() + 1);
        return raw(joined.data(), joined.size());
    }
    template <typename T>
    [[nodiscard]] Section array(const std::vector<T>& list)
    {
        Section section = raw(list.data(), list.size() * sizeof(T));
        section.count = static_cast<std::uint32_t>(list.size());
        return section;
    }
    [[nodiscard]] std::vector<char> finish(Head head)
    {
        head.bytes = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &head, sizeof head);
        return std::move(bytes_);
    }

private:
    Section raw(const void* data, std::size_t size)
    {
        const auto* from = static_cast<const char*>(data);
        bytes_.resize((bytes_.size() + 7) / 8 * 8);
        const Section section{static_cast<std::uint32_t>(bytes_.size()),
                              static_cast<std::uint32_t>(size)};
        bytes_.insert(bytes_.end(), from, from + size);
        return section;
    }
    std::vector<char> bytes_;
};

std::uint32_t flags_of(const Plan& plan)
{
    return (plan.listen_pid ? Flag::listen_pid : 0U) | (plan.set_nice ? Flag::set_nice : 0U) |
           (plan.set_oom_score_adj ? Flag::set_oom_score_adj : 0U) |
           (plan.no_new_privileges ? Flag::no_new_privileges : 0U);
}

} // namespace

std::vector<char> write_plan(const Plan& plan)
{
    Sections sections;
    return sections.finish({
        .flags = flags_of(plan),
        .uid = plan.uid,
        .gid = plan.gid,
        .umask = plan.umask,
        .nice = plan.nice,
        .oom_score_adj = plan.oom_score_adj,
        .keeper = plan.keeper,
        .in_kind = static_cast<std::uint32_t>(plan.in.kind),
        .in_index = plan.in.index,
        .out_kind = static_cast<std::uint32_t>(plan.out.kind),
        .out_index = plan.out.index,
        .err_kind = static_cast<std::uint32_t>(plan.err.kind),
        .err_index = plan.err.index,
        .exec = sections.string(plan.exec),
        .cwd = sections.string(plan.cwd),
        .out_path = sections.string(plan.out.path),
        .err_path = sections.string(plan.err.path),
        .args = sections.strings(plan.args),
        .env = sections.strings(plan.env),
        .groups = sections.array(plan.groups),
        .cpus = sections.array(plan.cpus),
        .limits = sections.array(plan.limits),
        .descriptors = sections.array(plan.descriptors),
    });
}

} // namespace ostler::wire::plan
