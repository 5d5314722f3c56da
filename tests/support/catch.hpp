// SPDX-License-Identifier: MIT
// The one place that knows which version of Catch2 we use (2.13, as in Debian 12).
#pragma once

#include <catch2/catch.hpp>
