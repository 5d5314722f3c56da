// SPDX-License-Identifier: MIT
// Specs as the tests write them: the usual pool behind one socket, and what differs from it.
#pragma once

#include <sstream>
#include <string>

namespace ostler::test
{

// Each line of `text` behind `blanks`.
inline std::string indented(const std::string& text, const std::string& blanks)
{
    std::istringstream lines{text};
    std::string result;
    for (std::string line; std::getline(lines, line);)
        result += blanks + line + "\n";
    return result;
}

// Pool `api` of the tests' worker on socket `web`; each with these lines more.
inline std::string web_pool(const std::string& pool = "", const std::string& socket = "",
                            const std::string& top = "")
{
    const bool listens = socket.find("listen:") != std::string::npos;
    const bool named = pool.find("exec:") != std::string::npos;
    return top + "\nsockets:\n  web:\n" + (listens ? "" : "    listen: tcp://127.0.0.1:0\n") +
           indented(socket, "    ") + "pools:\n  api:\n    sockets: [web]\n" +
           (named ? "" : "    exec: WORKER\n") + indented(pool, "    ");
}

// Pool `job` of a plain program that only lives.
inline std::string plain_pool(const std::string& pool = "", const std::string& top = "")
{
    const bool named = pool.find("exec:") != std::string::npos;
    return top + "\npools:\n  job:\n    protocol: none\n" +
           (named ? "" : "    exec: /bin/sleep\n    args: [\"600\"]\n") + indented(pool, "    ");
}

} // namespace ostler::test
