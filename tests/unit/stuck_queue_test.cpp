// SPDX-License-Identifier: MIT
// A worker that receives into memory which is not there, and does not bring it, sleeps with its
// queue's lock held. Whoever else reads that queue sleeps with it.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "tests/unit/listening.hpp"

using namespace ostler;
using namespace ostler::test;

namespace
{

// A page that is missing until `bring`.
class MissingPage
{
public:
    MissingPage()
        : handler_{os::adopt, static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))},
          at_{::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)}
    {
        INFO("needs root, or vm.unprivileged_userfaultfd=1");
        REQUIRE(handler_.valid());
        uffdio_api api{};
        api.api = UFFD_API;
        REQUIRE(::ioctl(handler_.get(), UFFDIO_API, &api) == 0);
        uffdio_register missing{};
        missing.range = range();
        missing.mode = UFFDIO_REGISTER_MODE_MISSING;
        REQUIRE(::ioctl(handler_.get(), UFFDIO_REGISTER, &missing) == 0);
    }
    MissingPage(const MissingPage&) = delete;
    MissingPage& operator=(const MissingPage&) = delete;
    ~MissingPage() { ::munmap(at_, size); }

    [[nodiscard]] void* address() const { return at_; }
    void bring()
    {
        uffdio_zeropage zero{};
        zero.range = range();
        REQUIRE(::ioctl(handler_.get(), UFFDIO_ZEROPAGE, &zero) == 0);
    }
    static constexpr std::size_t size = 4096;

private:
    [[nodiscard]] uffdio_range range() const
    {
        return {reinterpret_cast<std::uintptr_t>(at_), size};
    }
    os::UniqueFd handler_;
    void* at_;
};

} // namespace

TEST_CASE("a worker that holds its queue's lock is to be ended, and meanwhile the loop goes on")
{
    boost::asio::io_context loop;
    const auto listener = bound(loop, tcp_socket());
    FakeWorker stuck{"api/0"}, well{"api/1"};
    stuck.join(*listener);
    well.join(*listener);
    const Client one{*listener}, two{*listener}, three{*listener}, four{*listener};
    REQUIRE(run_until(loop, [&] { return listener->counters().passed == 4; }));

    MissingPage page;
    const int queue = stuck.intake->given().get();
    std::thread receiver{[&] { (void)::recv(queue, page.address(), MissingPage::size, 0); }};
    const bool locked = run_until(loop, [&] { return stuck.intake->pending() == 1; });
    stuck.busy_since(Clock::now());
    while (well.serve_one()) {
    }
    const bool told = run_until(loop, [&] { return stuck.stuck == 1; });
    const Client late{*listener};
    const bool served = run_until(loop, [&] { return well.serve_one(); });
    page.bring();
    receiver.join();
    CHECK(locked);
    CHECK(told);
    CHECK(served);
    // With the lock free again, the errand brings back what was still there.
    CHECK(run_until(loop, [&] { return listener->counters().taken_back == 1; }));
}
