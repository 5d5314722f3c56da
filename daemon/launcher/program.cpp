// SPDX-License-Identifier: MIT
// The last stages: from here on it is the worker's program.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "daemon/launcher/launch.hpp"

namespace ostler::launcher
{
namespace
{

using namespace wire::plan;

// Pointers to the strings, room for one more, and a null. Null itself when there is no memory.
char** pointers(const Strings& strings)
{
    auto** const list = static_cast<char**>(std::calloc(strings.count + 2, sizeof(char*)));
    const char* next = strings.first;
    for (std::size_t i = 0; list != nullptr && i < strings.count; ++i) {
        list[i] = const_cast<char*>(next); // exec only reads them
        next += std::strlen(next) + 1;
    }
    return list;
}

} // namespace

int change_directory(Launch& launch)
{
    return launch.plan.cwd[0] == '\0' ? 0 : error_of(::chdir(launch.plan.cwd));
}

int execute(Launch& launch)
{
    const View& plan = launch.plan;
    char** const args = pointers(plan.args);
    char** const env = pointers(plan.env);
    if (args == nullptr || env == nullptr)
        return ENOMEM;
    char listen_pid[32];
    if (plan.has(Flag::listen_pid)) {
        std::snprintf(listen_pid, sizeof listen_pid, "LISTEN_PID=%d", ::getpid());
        env[plan.env.count] = listen_pid;
    }
    return error_of(::execve(plan.exec, args, env));
}

} // namespace ostler::launcher
