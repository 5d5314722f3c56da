// SPDX-License-Identifier: MIT
// What came of a request: every failure is one as well, with an exit code and a sentence.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace ostler::control
{

struct Answer {
    int exit = 0;
    std::string message;
    boost::json::object data; // what the reply holds beside these two
};

// Of a reply's body.
[[nodiscard]] Answer answer_from(const boost::json::object& body);

} // namespace ostler::control
