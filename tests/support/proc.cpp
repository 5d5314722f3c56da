// SPDX-License-Identifier: MIT
#include "tests/support/proc.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/scratch.hpp"

namespace ostler::test
{

namespace
{

std::string proc(pid_t pid, const std::string& name)
{
    return "/proc/" + std::to_string(pid) + "/" + name;
}

// The fields of stat after the name, which may hold blanks and brackets: [0] is the state.
std::vector<std::string> stat_fields(pid_t pid)
{
    const std::string line = read_file(proc(pid, "stat"));
    const auto end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos)
        return {};
    std::istringstream rest{line.substr(end_of_name + 1)};
    std::vector<std::string> result;
    for (std::string field; rest >> field;)
        result.push_back(field);
    return result;
}

bool numeric(const std::string& name)
{
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
}

} // namespace

std::vector<pid_t> children_of(pid_t parent)
{
    std::vector<pid_t> result;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (!numeric(name))
            continue;
        const pid_t pid = std::stoi(name);
        const auto fields = stat_fields(pid);
        if (fields.size() > 1 && std::stoi(fields[1]) == parent)
            result.push_back(pid);
    }
    return result;
}

std::string command_line(pid_t pid)
{
    std::string line = read_file(proc(pid, "cmdline"));
    std::replace(line.begin(), line.end(), '\0', ' ');
    return line;
}

char state_of(pid_t pid)
{
    const auto fields = stat_fields(pid);
    return fields.empty() ? '-' : fields[0][0];
}

bool alive(pid_t pid)
{
    const char state = state_of(pid);
    return state != '-' && state != 'Z' && state != 'X';
}

std::uint64_t cpu_microseconds(pid_t pid)
{
    const auto fields = stat_fields(pid);
    if (fields.size() < 13)
        return 0;
    const auto ticks = std::stoull(fields[11]) + std::stoull(fields[12]);
    return ticks * 1'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t pss_kib(pid_t pid)
{
    std::istringstream lines{read_file(proc(pid, "smaps_rollup"))};
    for (std::string line; std::getline(lines, line);)
        if (line.rfind("Pss:", 0) == 0)
            return std::stoull(line.substr(4));
    return 0;
}

std::string status_field(pid_t pid, const std::string& name)
{
    std::istringstream lines{read_file(proc(pid, "status"))};
    for (std::string line; std::getline(lines, line);)
        if (line.rfind(name + ":", 0) == 0) {
            const auto value = line.find_first_not_of(" \t", name.size() + 1);
            return value == std::string::npos ? "" : line.substr(value);
        }
    return {};
}

std::map<int, std::string> descriptors_of(pid_t pid)
{
    std::map<int, std::string> result;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"), gone)) {
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        result[std::stoi(entry.path().filename())] = target.string();
    }
    return result;
}

std::map<std::string, std::string> environment_of(pid_t pid)
{
    // Empty for a moment in the middle of an exec.
    std::string text;
    (void)eventually(2s, [&] { return !(text = read_file(proc(pid, "environ"))).empty(); });
    std::map<std::string, std::string> result;
    std::istringstream entries{text};
    for (std::string entry; std::getline(entries, entry, '\0');) {
        const auto equals = entry.find('=');
        if (equals != std::string::npos)
            result[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    return result;
}

} // namespace ostler::test
