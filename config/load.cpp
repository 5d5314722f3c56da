// SPDX-License-Identifier: MIT
#include "config/load.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>

#include "config/checks.hpp"
#include "config/defaults.hpp"
#include "config/permissions.hpp"
#include "config/readers.hpp"

namespace ostler::config
{

namespace
{

// OSTLER_SCHED_POLICY is what a socket does that says nothing itself, as
// NODE_CLUSTER_SCHED_POLICY is for Node's; a socket that cannot goes on choosing by itself.
struct Policy {
    std::string_view word;
    Scheduling scheduling;
};
constexpr Policy policies[] = {
    {"rr", Scheduling::round_robin},
    {"round-robin", Scheduling::round_robin},
    {"none", Scheduling::shared},
    {"shared", Scheduling::shared},
};

Scheduling policy_of(const Environment& environment, Problems& problems)
{
    const char* word = environment("OSTLER_SCHED_POLICY");
    if (!word || *word == '\0')
        return Scheduling::automatic;
    for (const Policy& policy : policies)
        if (policy.word == word)
            return policy.scheduling;
    problems.add({}, "",
                 fmt::format("the variable OSTLER_SCHED_POLICY is {}: expected rr (or "
                             "round-robin) or none (or shared)",
                             quote(word)));
    return Scheduling::automatic;
}

void apply(Scheduling policy, Spec& spec)
{
    for (Socket& socket : spec.sockets)
        if (socket.scheduling == Scheduling::automatic && policy != Scheduling::automatic &&
            (policy == Scheduling::shared || effective(socket, spec) == policy))
            socket.scheduling = policy;
    for (Pool& pool : spec.pools)
        pool.program.asked_scheduling = policy;
}

std::string absolute_path(const std::string& path)
{
    return std::filesystem::absolute(path).lexically_normal().string();
}

std::optional<Spec> read_all(const std::string& text, const std::string& path,
                             const LoadOptions& options, Problems& problems)
{
    const Scheduling policy = policy_of(options.environment, problems);
    const ValuePtr root = parse_tree(text, problems);
    if (!root)
        return std::nullopt;
    const std::string file = absolute_path(path);
    Reading reading{problems, options.environment,
                    std::filesystem::path{file}.parent_path().string()};
    const Cursor top{reading, with_defaults(root, problems)};
    Spec spec = read_spec(top);
    spec.path = file;
    check_together(spec, top);
    if (!options.insecure)
        check_programs_of_root(spec, top);
    apply(policy, spec);
    return spec;
}

Loaded finish(std::string text, const std::string& path, const LoadOptions& options,
              Problems problems)
{
    Loaded loaded;
    auto spec = read_all(text, path, options, problems);
    if (problems.none())
        loaded.spec = std::move(spec);
    loaded.problems = std::move(problems).sorted();
    loaded.text = std::move(text);
    return loaded;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Non-blocking: a FIFO by that name must not hang the daemon.
File open_file(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return {fd < 0 ? nullptr : ::fdopen(fd, "r"), [](std::FILE* f) { return std::fclose(f); }};
}

std::string read_to_limit(std::FILE* file)
{
    std::string text(longest_text + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
}

// By the opened descriptor: what is checked is what is read.
void check_trust(const struct stat& about, const std::string& path, Problems& problems)
{
    constexpr const char* way_out = "; --insecure-spec accepts it, for development";
    if (const auto why = distrust("the spec", about)) // every line begins with its path
        problems.add({}, "", *why + way_out);
    if (const auto why = distrust_way_to(path))
        problems.add({}, "", *why + way_out);
}

Loaded refuse(Problems problems, std::string message)
{
    problems.add({}, "", std::move(message));
    return {.problems = std::move(problems).sorted()};
}

} // namespace

Loaded load(const std::string& path, const LoadOptions& options)
{
    Problems problems;
    const File file = open_file(path);
    struct stat about {
    };
    if (!file || ::fstat(::fileno(file.get()), &about) != 0)
        return refuse(std::move(problems),
                      fmt::format("cannot be opened: {}", std::strerror(errno)));
    if (!S_ISREG(about.st_mode))
        return refuse(std::move(problems), "is not a file");
    if (!options.insecure)
        check_trust(about, path, problems);
    std::string text = read_to_limit(file.get());
    if (std::ferror(file.get()) != 0)
        return refuse(std::move(problems), fmt::format("cannot be read: {}", std::strerror(errno)));
    return finish(std::move(text), path, options, std::move(problems));
}

Loaded parse(std::string text, const std::string& path, const LoadOptions& options)
{
    return finish(std::move(text), path, options, {});
}

} // namespace ostler::config
