// SPDX-License-Identifier: MIT
#include "config/places.hpp"

#include <cstdlib>
#include <unistd.h>

namespace ostler::config
{
namespace
{

std::string variable(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace

std::string default_spec_path()
{
    if (::geteuid() == 0)
        return "/etc/ostler/ostler.yaml";
    const std::string folder = variable("XDG_CONFIG_HOME");
    return (folder.empty() ? variable("HOME") + "/.config" : folder) + "/ostler/ostler.yaml";
}

std::optional<std::string> find_spec()
{
    if (std::string named = variable("OSTLER_CONFIG"); !named.empty())
        return named;
    std::string usual = default_spec_path();
    if (::access(usual.c_str(), F_OK) == 0)
        return usual;
    return std::nullopt;
}

} // namespace ostler::config
