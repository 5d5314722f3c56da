// SPDX-License-Identifier: MIT
#include "tests/support/scratch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

namespace ostler::test
{

Scratch::Scratch()
{
    char name[] = "/tmp/ostler-test-XXXXXX";
    if (!::mkdtemp(name))
        throw std::runtime_error("no scratch folder below /tmp");
    path_ = name;
    ::chmod(name, 0755); // workers of other users look into it
}

Scratch::~Scratch()
{
    std::error_code ignored; // what cannot be removed shows in the check of leftovers
    std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string& path)
{
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool exists(const std::string& path)
{
    struct stat ignored;
    return ::lstat(path.c_str(), &ignored) == 0;
}

void write_file(const std::string& path, const std::string& text)
{
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    if (!file.flush())
        throw std::runtime_error("cannot write " + path);
}

void replace_file(const std::string& path, const std::string& text)
{
    write_file(path + ".new", text);
    std::filesystem::rename(path + ".new", path);
}

} // namespace ostler::test
