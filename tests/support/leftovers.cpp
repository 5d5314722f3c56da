// SPDX-License-Identifier: MIT
#include "tests/support/leftovers.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <sys/wait.h>

namespace ostler::test
{

namespace
{

struct Findings {
    std::mutex guard;
    std::vector<std::string> sentences;
};

Findings& findings()
{
    static Findings noted;
    return noted;
}

} // namespace

void note_finding(std::string sentence)
{
    const std::lock_guard hold{findings().guard};
    findings().sentences.push_back(std::move(sentence));
}

std::vector<std::string> open_descriptors()
{
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone; // the descriptor of this very directory
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && target.string().find("/fd") == std::string::npos)
            found.push_back(entry.path().filename().string() + ' ' + target.string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> leftovers(const std::vector<std::string>& before)
{
    const auto after = open_descriptors();
    std::vector<std::string> sentences;
    {
        const std::lock_guard hold{findings().guard};
        sentences.swap(findings().sentences);
    }
    const auto noted = static_cast<std::ptrdiff_t>(sentences.size());
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(sentences));
    std::for_each(sentences.begin() + noted, sentences.end(),
                  [](std::string& sentence) { sentence.insert(0, "descriptor left open: "); });

    siginfo_t child{};
    if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
        sentences.push_back(child.si_pid == 0
                                ? std::string{"a child is still running"}
                                : "child not reaped: pid " + std::to_string(child.si_pid));
    return sentences;
}

} // namespace ostler::test
