// SPDX-License-Identifier: MIT
#include "ipc/channel/incoming.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ostler::ipc
{

namespace native = wire::native;

Incoming::Step Incoming::add(Part part, std::vector<os::UniqueFd>& stray)
{
    const bool continued = (part.header.flags & native::continued) != 0;
    if (!going_on_ && continued) { // its beginning was for the master before us
        std::move(part.fds.begin(), part.fds.end(), std::back_inserter(stray));
        return Step::more;
    }
    if (going_on_ != continued || (going_on_ && part.header.request != whole_.request)) {
        std::move(part.fds.begin(), part.fds.end(), std::back_inserter(stray));
        return Step::torn;
    }
    if (!going_on_ && !begin(part, stray))
        return Step::torn;
    if (going_on_ && (!part.fds.empty() || part.fds_lost)) {
        refuse(EINVAL, "a descriptor comes with the first part of its message");
        std::move(part.fds.begin(), part.fds.end(), std::back_inserter(stray));
    }
    going_on_ = (part.header.flags & native::more_follows) != 0;
    append(part.body.rest());
    return going_on_ ? Step::more : Step::whole;
}

bool Incoming::begin(Part& part, std::vector<os::UniqueFd>& stray)
{
    whole_ = {};
    text_.clear();
    native::Message fields;
    const bool sound = wire::read_fields(part.body, fields);
    adopt(std::move(part.fds), part.fds_lost, stray);
    if (!sound)
        return false;
    whole_.request = part.header.request;
    if (fields.kind > static_cast<std::uint8_t>(native::To::all))
        refuse(EINVAL, "nobody is of this kind: 0 to 3 are controllers, a worker, a pool, all");
    if (fields.content > static_cast<std::uint8_t>(native::Content::json))
        refuse(EINVAL, "unknown content: 0 is bytes, 1 is JSON");
    if (fields.pool.size() > native::max_name)
        refuse(EINVAL, "names of pools have at most 64 bytes");
    whole_.to = {static_cast<native::To>(fields.kind), fields.worker,
                 std::string{fields.pool.substr(0, native::max_name)}};
    whole_.message.content = static_cast<native::Content>(fields.content);
    return true;
}

void Incoming::adopt(std::vector<os::UniqueFd> fds, bool lost, std::vector<os::UniqueFd>& stray)
{
    if (lost)
        refuse(EMFILE, "the daemon is short of descriptors");
    else if (fds.size() > 1)
        refuse(EINVAL, "a message may have one descriptor");
    if (fds.size() == 1 && !whole_.refusal)
        whole_.message.handle = std::move(fds.front());
    else
        std::move(fds.begin(), fds.end(), std::back_inserter(stray));
}

void Incoming::append(std::span<const std::byte> bytes)
{
    if (bytes.size() > longest_ - text_.size())
        refuse(EMSGSIZE,
               "a message of this pool may have at most " + std::to_string(longest_) + " bytes");
    if (whole_.refusal)
        return;
    if (going_on_)
        make_room(text_.size() + bytes.size());
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Nobody says how long a message in parts will be. Memory that is not touched costs nothing, while
// growing by halves copies all of it and touches twice as much.
void Incoming::make_room(std::size_t wanted)
{
    constexpr std::size_t several_parts = 2 << 20;
    if (wanted > text_.capacity())
        text_.reserve(std::min(longest_, std::max(several_parts, 8 * wanted)));
}

// The first mistake counts. What was gathered is not needed any more.
void Incoming::refuse(int error, std::string reason)
{
    if (!whole_.refusal)
        whole_.refusal = Refusal{error, std::move(reason)};
    text_ = {};
}

Incoming::Whole Incoming::take()
{
    whole_.message.body = std::make_shared<const std::string>(std::exchange(text_, {}));
    return std::exchange(whole_, {});
}

} // namespace ostler::ipc
