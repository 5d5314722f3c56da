// SPDX-License-Identifier: MIT
// What a test case left behind: descriptors still open, children not reaped. The shared main checks
// it after every case, so that no test has to.
#pragma once

#include <string>
#include <vector>

namespace ostler::test
{

// The open descriptors of this process, each with what it is: "7 socket:[1234]".
[[nodiscard]] std::vector<std::string> open_descriptors();

// Sentences about what is there now and was not in `before`, and about children. Empty: clean.
[[nodiscard]] std::vector<std::string> leftovers(const std::vector<std::string>& before);

// What went wrong where no assertion can fail the test: in a destructor. One of the leftovers
// above.
void note_finding(std::string sentence);

} // namespace ostler::test
