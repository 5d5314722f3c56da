// SPDX-License-Identifier: MIT
// The main of every Catch2 binary. A case that leaves a descriptor or a child behind fails the run,
// whatever its assertions said.
#define CATCH_CONFIG_RUNNER
#include "tests/support/catch.hpp"
#include "tests/support/leftovers.hpp"

#include <iostream>

namespace
{

bool something_was_left = false; // written by the listener below, read once by main

class LeftoverCheck : public Catch::TestEventListenerBase
{
public:
    using TestEventListenerBase::TestEventListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo& info) override
    {
        TestEventListenerBase::testCaseStarting(info);
        before_ = ostler::test::open_descriptors();
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override
    {
        TestEventListenerBase::testCaseEnded(stats);
        for (const auto& sentence : ostler::test::leftovers(before_)) {
            std::cout << "\"" << stats.testInfo.name << "\": " << sentence << std::endl;
            something_was_left = true;
        }
    }

private:
    std::vector<std::string> before_;
};
CATCH_REGISTER_LISTENER(LeftoverCheck)

} // namespace

#ifdef __SANITIZE_THREAD__
// One who is left behind in a write still has its descriptor when the test closes it: meant so.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions()
{
    return "race:ostler::test::FullPipe::close_writer\n";
}
#endif

int main(int argc, char* argv[])
{
    const int result = Catch::Session().run(argc, argv);
    return result == 0 && something_was_left ? 1 : result;
}
