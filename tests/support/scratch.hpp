// SPDX-License-Identifier: MIT
// A folder of a test's own below /tmp, removed with everything in it.
#pragma once

#include <string>

namespace ostler::test
{

class Scratch
{
public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const
    {
        return path_ + "/" + name;
    }

private:
    std::string path_;
};

// A whole file, empty when there is none.
[[nodiscard]] std::string read_file(const std::string& path);
[[nodiscard]] bool exists(const std::string& path);
// In place, as an editor does that truncates and writes.
void write_file(const std::string& path, const std::string& text);
// Into a new file that is renamed over the old, as careful editors do.
void replace_file(const std::string& path, const std::string& text);

} // namespace ostler::test
