// SPDX-License-Identifier: MIT
#include "daemon/load_page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace ostler
{
namespace
{

// Against a worker that shrinks the file under our mapping: reading it would be SIGBUS.
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

std::uint64_t nanoseconds(LoadPage::Clock::time_point at)
{
    return static_cast<std::uint64_t>(at.time_since_epoch() / std::chrono::nanoseconds{1});
}

// Only a sealed page of the right size may be mapped.
bool sound(os::FdRef memfd)
{
    struct stat found {
    };
    return ::fstat(memfd.get(), &found) == 0 &&
           found.st_size == static_cast<off_t>(wire::page_bytes) &&
           (::fcntl(memfd.get(), F_GET_SEALS) & seals) == seals;
}

} // namespace

os::Result<LoadPage> LoadPage::make()
{
    os::UniqueFd memfd{os::adopt, ::memfd_create("ostler-page", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memfd.valid() || ::ftruncate(memfd.get(), wire::page_bytes) != 0 ||
        ::fcntl(memfd.get(), F_ADD_SEALS, seals) != 0)
        return os::last_error();
    auto page = adopt(std::move(memfd));
    if (page)
        page->born_ = nanoseconds(Clock::now());
    return page;
}

os::Result<LoadPage> LoadPage::adopt(os::UniqueFd memfd)
{
    if (!sound(memfd.borrow()))
        return os::error_from(EINVAL);
    void* at =
        ::mmap(nullptr, wire::page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.get(), 0);
    if (at == MAP_FAILED)
        return os::last_error();
    // Its worker may have been at work for longer than we have known it.
    constexpr std::uint64_t any_time = 1;
    return LoadPage{std::move(memfd), static_cast<wire::Page*>(at), any_time};
}

LoadPage::LoadPage(os::UniqueFd memfd, wire::Page* page, std::uint64_t born)
    : memfd_{std::move(memfd)}, page_{page}, born_{born}
{
}

LoadPage::LoadPage(LoadPage&& other) noexcept
    : memfd_{std::move(other.memfd_)},
      page_{std::exchange(other.page_, nullptr)},
      born_{other.born_}
{
}

LoadPage& LoadPage::operator=(LoadPage&& other) noexcept
{
    std::swap(memfd_, other.memfd_);
    std::swap(page_, other.page_);
    std::swap(born_, other.born_);
    return *this;
}

LoadPage::~LoadPage()
{
    if (page_ != nullptr)
        ::munmap(page_, wire::page_bytes);
}

LoadPage::Clock::duration LoadPage::busy_for(Clock::time_point now) const
{
    const std::uint64_t since = page_->busy_since.load(std::memory_order_relaxed);
    const std::uint64_t until = nanoseconds(now);
    if (since < born_ || since > until) // 0 too: it waits
        return Clock::duration::zero();
    return std::chrono::nanoseconds{until - since};
}

std::uint64_t LoadPage::taken() const
{
    return page_->taken.load(std::memory_order_relaxed);
}

std::uint64_t LoadPage::done() const
{
    return page_->done.load(std::memory_order_relaxed);
}

void LoadPage::store(std::uint64_t busy_since, std::uint64_t taken, std::uint64_t done)
{
    page_->busy_since.store(busy_since, std::memory_order_relaxed);
    page_->taken.store(taken, std::memory_order_relaxed);
    page_->done.store(done, std::memory_order_relaxed);
}

} // namespace ostler
