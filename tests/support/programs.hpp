// SPDX-License-Identifier: MIT
// Where the build put what the tests start.
#pragma once

#include <string>

namespace ostler::test
{

// Set by CMake: the build tree's root, the tests' own workers, and the sources.
inline const std::string build_root = OSTLER_TEST_BUILD_ROOT;
inline const std::string source_root = OSTLER_TEST_SOURCE_ROOT;
inline const std::string ostlerd_program = build_root + "/bin/ostlerd";
inline const std::string ostler_program = build_root + "/bin/ostler";
inline const std::string worker_program = build_root + "/tests/workers/scripted";
inline const std::string bench_worker_program = build_root + "/tests/workers/lean";
inline const std::string echo_program = build_root + "/tests/workers/echo";
inline const std::string worker_scripts = source_root + "/tests/workers";
inline const std::string fault_library = build_root + "/tests/fault/libfault.so";

} // namespace ostler::test
