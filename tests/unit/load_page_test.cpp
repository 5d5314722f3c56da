// SPDX-License-Identifier: MIT
#include "daemon/load_page.hpp"

#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/catch.hpp"

using namespace ostler;
using namespace std::chrono_literals;

namespace
{

std::uint64_t stamp(LoadPage::Clock::time_point at)
{
    return static_cast<std::uint64_t>(at.time_since_epoch() / 1ns);
}

} // namespace

TEST_CASE("a page says how long its worker has been busy")
{
    LoadPage page = LoadPage::make().value();
    const auto now = LoadPage::Clock::now() + 1h;
    CHECK(page.busy_for(now) == 0ns);
    page.store(stamp(now - 5ms), 7, 6);
    CHECK(page.busy_for(now) == 5ms);
    CHECK(page.taken() == 7);
    CHECK(page.done() == 6);
    page.store(0, 7, 7);
    CHECK(page.busy_for(now) == 0ns);
}

TEST_CASE("a page that says what cannot be true counts as idle")
{
    LoadPage page = LoadPage::make().value();
    const auto now = LoadPage::Clock::now() + 1h;
    const auto born = LoadPage::Clock::now();
    for (const std::uint64_t nonsense :
         {std::uint64_t{0}, std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max(),
          std::uint64_t{1} << 63, stamp(now) + 1, stamp(now + 1h), stamp(born - 1h)}) {
        page.store(nonsense, nonsense, nonsense);
        CHECK(page.busy_for(now) == 0ns);
    }
}

TEST_CASE("a worker sees the page, and can neither shrink nor grow nor unseal it")
{
    LoadPage page = LoadPage::make().value();
    const int fd = page.descriptor().get();
    CHECK(::ftruncate(fd, 0) == -1);
    CHECK(::ftruncate(fd, 1 << 20) == -1);
    CHECK(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1);
    void* at = ::mmap(nullptr, wire::page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(at != MAP_FAILED);
    static_cast<wire::Page*>(at)->taken.store(3);
    CHECK(page.taken() == 3);
    ::munmap(at, wire::page_bytes);
}

TEST_CASE("only a sealed page of the right size is adopted")
{
    const auto memfd = [](off_t size, int seals) {
        os::UniqueFd fd{os::adopt, ::memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        REQUIRE(::ftruncate(fd.get(), size) == 0);
        REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
        return fd;
    };
    constexpr int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    CHECK(LoadPage::adopt(memfd(wire::page_bytes, all)).has_value());
    CHECK(!LoadPage::adopt(memfd(wire::page_bytes, F_SEAL_GROW | F_SEAL_SEAL)).has_value());
    CHECK(!LoadPage::adopt(memfd(wire::page_bytes - 1, all)).has_value());
    CHECK(!LoadPage::adopt(os::UniqueFd{os::adopt, ::open("/dev/null", O_RDWR | O_CLOEXEC)})
               .has_value());
}
