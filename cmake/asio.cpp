// SPDX-License-Identifier: MIT
// All of Asio that is not a template, compiled here and nowhere else.
#include <boost/asio/impl/src.hpp>
