// SPDX-License-Identifier: MIT
#include "ipc/wire/plan_view.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sched.h>
#include <sys/resource.h>

namespace ostler::wire::plan
{
namespace
{

constexpr std::size_t alignment = 8;

template <typename T>
bool find(std::span<const std::byte> bytes, Section section, std::span<const T>& found)
{
    if (section.offset % alignment != 0 || section.offset > bytes.size() ||
        section.count > (bytes.size() - section.offset) / sizeof(T))
        return false;
    found = {reinterpret_cast<const T*>(bytes.data() + section.offset), section.count};
    return true;
}

bool find(std::span<const std::byte> bytes, Section section, const char*& text)
{
    std::span<const char> found;
    if (!find(bytes, section, found) || found.empty())
        return false;
    text = found.data();
    return std::find(found.begin(), found.end(), '\0') == found.end() - 1;
}

bool find(std::span<const std::byte> bytes, Section section, Strings& list)
{
    std::span<const char> found;
    if (!find(bytes, section, found) || (!found.empty() && found.back() != '\0'))
        return false;
    list.first = found.data();
    list.count = static_cast<std::size_t>(std::count(found.begin(), found.end(), '\0'));
    return true;
}

bool find_sections(std::span<const std::byte> bytes, View& view)
{
    const Head& head = view.head;
    return find(bytes, head.exec, view.exec) && find(bytes, head.cwd, view.cwd) &&
           find(bytes, head.out_path, view.out_path) && find(bytes, head.err_path, view.err_path) &&
           find(bytes, head.args, view.args) && find(bytes, head.env, view.env) &&
           find(bytes, head.groups, view.groups) && find(bytes, head.cpus, view.cpus) &&
           find(bytes, head.limits, view.limits) && find(bytes, head.descriptors, view.descriptors);
}

bool sensible_output(std::uint32_t kind, const char* path, std::uint32_t index)
{
    switch (OutputKind{kind}) {
    case OutputKind::inherit:
    case OutputKind::null:
        return true;
    case OutputKind::file:
        return path[0] == '/';
    case OutputKind::descriptor:
        return index < max_descriptors;
    }
    return false;
}

bool sensible_input(std::uint32_t kind, std::uint32_t index)
{
    return OutputKind{kind} == OutputKind::null ||
           (OutputKind{kind} == OutputKind::descriptor && index < max_descriptors);
}

bool sensible_numbers(const Head& head)
{
    return (head.uid == unset) == (head.gid == unset) && head.keeper > 0 &&
           (head.umask == unset || head.umask <= 0777) && //
           head.nice >= -20 && head.nice <= 19 &&         //
           head.oom_score_adj >= -1000 && head.oom_score_adj <= 1000;
}

bool sensible_limit(const Limit& limit)
{
    return limit.resource >= 0 && limit.resource < RLIM_NLIMITS && limit.soft <= limit.hard;
}

// Each target once. There are few of them.
bool sensible_placements(std::span<const Placement> placements)
{
    if (placements.size() > max_descriptors)
        return false;
    for (auto one = placements.begin(); one != placements.end(); ++one) {
        const auto same = [&](const Placement& other) { return other.target == one->target; };
        if (one->index >= max_descriptors || one->target < first_target ||
            one->target > max_target || std::any_of(placements.begin(), one, same))
            return false;
    }
    return true;
}

bool sensible(const View& view)
{
    const Head& head = view.head;
    return sensible_numbers(head) && view.exec[0] == '/' && view.args.count > 0 &&
           sensible_input(head.in_kind, head.in_index) &&
           sensible_output(head.out_kind, view.out_path, head.out_index) &&
           sensible_output(head.err_kind, view.err_path, head.err_index) &&
           std::all_of(view.cpus.begin(), view.cpus.end(),
                       [](std::uint32_t cpu) { return cpu < CPU_SETSIZE; }) &&
           std::all_of(view.limits.begin(), view.limits.end(), sensible_limit) &&
           sensible_placements(view.descriptors);
}

} // namespace

bool read_plan(std::span<const std::byte> bytes, View& view)
{
    Head& head = view.head;
    if (bytes.size() < sizeof head || bytes.size() > max_bytes ||
        std::bit_cast<std::uintptr_t>(bytes.data()) % alignment != 0)
        return false;
    std::memcpy(&head, bytes.data(), sizeof head);
    return head.magic == magic && head.version == version && head.bytes == bytes.size() &&
           find_sections(bytes, view) && sensible(view);
}

} // namespace ostler::wire::plan
