// SPDX-License-Identifier: MIT
// What a worker may send as parts of messages: each with its length, how many descriptors come with
// it (they are only counted, never opened), and the packet.
#include "ipc/channel/incoming.hpp"

#include <cstdlib>
#include <fcntl.h>

namespace
{

using namespace ostler;

constexpr std::size_t longest = 2000;

std::vector<os::UniqueFd> some(unsigned count)
{
    std::vector<os::UniqueFd> fds;
    for (unsigned i = 0; i < count; ++i)
        fds.emplace_back(os::adopt, ::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return fds;
}

void check(bool holds)
{
    if (!holds)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    wire::Reader input{std::as_bytes(std::span{data, size})};
    ipc::Incoming incoming{longest};
    std::vector<os::UniqueFd> stray;
    std::size_t came = 0, kept = 0;
    for (;;) {
        std::uint16_t length = 0;
        std::uint8_t fds = 0;
        input.get(length);
        input.get(fds);
        if (!input.ok() || length > input.left())
            return 0;
        const auto packet = input.rest().first(length);
        input = wire::Reader{input.rest().subspan(length)};
        wire::Reader body{packet};
        wire::Header header;
        if (!wire::read_fields(body, header))
            continue;
        const unsigned count = fds % 4;
        came += count;
        const auto step = incoming.add({header, body, some(count), fds > 200}, stray);
        if (step == ipc::Incoming::Step::torn)
            return 0;
        if (step == ipc::Incoming::Step::more)
            continue;
        const ipc::Incoming::Whole whole = incoming.take();
        check(whole.message.body->size() <= longest && whole.to.pool.size() <= 64);
        kept += whole.message.handle.valid() ? 1u : 0u;
        check(kept + stray.size() <= came);
    }
}
