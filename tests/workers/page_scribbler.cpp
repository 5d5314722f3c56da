// SPDX-License-Identifier: MIT
#include "tests/workers/page_scribbler.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "ipc/wire/page.hpp"

namespace ostler::test
{

namespace
{

struct CloseFile {
    void operator()(FILE* file) const { ::fclose(file); }
};
struct Mapping {
    unsigned long from = 0, to = 0;
};

// The page is the one shared, writable mapping of a memfd of a page's size.
Mapping find_page()
{
    const std::unique_ptr<FILE, CloseFile> maps{::fopen("/proc/self/maps", "re")};
    char line[512];
    while (maps && ::fgets(line, sizeof line, maps.get())) {
        Mapping found;
        char rights[8];
        if (::sscanf(line, "%lx-%lx %7s", &found.from, &found.to, rights) == 3 &&
            ::strcmp(rights, "rw-s") == 0 && ::strstr(line, "memfd:") &&
            found.to - found.from == wire::page_bytes)
            return found;
    }
    return {};
}

std::uint64_t now()
{
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(time.tv_nsec);
}

} // namespace

PageScribbler::PageScribbler()
    : fields_{reinterpret_cast<volatile std::uint64_t*>(find_page().from)}
{
}

void PageScribbler::scribble()
{
    if (!fields_)
        return;
    const std::array<std::uint64_t, 4> nonsense{0, ~std::uint64_t{0}, now() + 3'600'000'000'000u,
                                                now() / 2};
    for (unsigned field = 0; field < 3; ++field)
        fields_[field] = nonsense[(turn_ + field) % nonsense.size()];
    ++turn_;
}

bool PageScribbler::could_shrink()
{
    const Mapping page = find_page();
    char name[64];
    ::snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", page.from, page.to);
    const int file = ::open(name, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return false;
    const bool cut = ::ftruncate(file, 0) == 0;
    ::close(file);
    return cut;
}

} // namespace ostler::test
