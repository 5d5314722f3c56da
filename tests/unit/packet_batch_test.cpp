// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>

#include "ipc/os/packet_batch.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;

namespace
{

class Pair
{
public:
    Pair() { REQUIRE(os::packet_pair(sender_, receiver_) == 0); }

    void send(const std::string& text, int lent = -1)
    {
        REQUIRE(os::send_packet(sender_.borrow(), std::as_bytes(std::span{text}),
                                {&lent, lent >= 0 ? 1u : 0u}) == 0);
    }
    void end() { sender_.reset(); }

    struct Got {
        int rc = 0;
        std::string text;
        os::UniqueFd fd;
        bool cut = false;
    };
    Got next(os::PacketBatch& batch)
    {
        Got got;
        os::Received received;
        std::span<std::byte> bytes;
        got.rc = batch.next(receiver_.borrow(), bytes, {&got.fd, 1}, received);
        got.text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        got.cut = received.cut;
        return got;
    }

private:
    os::UniqueFd sender_, receiver_;
};

// Whether the pipe has a writer left.
bool has_writer(const os::UniqueFd& reader)
{
    char byte = 0;
    return ::read(reader.get(), &byte, 1) < 0 && errno == EAGAIN;
}

} // namespace

TEST_CASE("a batch gives packets one by one, in order, and then has none")
{
    const auto batch = std::make_unique<os::PacketBatch>();
    Pair pair;
    for (unsigned i = 0; i < os::PacketBatch::most + 2; ++i)
        pair.send(std::to_string(i));
    for (unsigned i = 0; i < os::PacketBatch::most + 2; ++i) {
        const Pair::Got got = pair.next(*batch);
        CHECK(got.rc == 1);
        CHECK(got.text == std::to_string(i));
    }
    CHECK(batch->empty());
    CHECK(pair.next(*batch).rc == -EAGAIN);
}

TEST_CASE("a batch that is empty serves another socket")
{
    const auto batch = std::make_unique<os::PacketBatch>();
    Pair one, other;
    one.send("one");
    other.send("other");
    CHECK(one.next(*batch).text == "one");
    REQUIRE(batch->empty());
    CHECK(other.next(*batch).text == "other");
}

TEST_CASE("the end of a pair comes after its packets")
{
    const auto batch = std::make_unique<os::PacketBatch>();
    Pair pair;
    pair.send("last");
    pair.end();
    CHECK(pair.next(*batch).text == "last");
    CHECK(pair.next(*batch).rc == 0);
}

TEST_CASE("each packet of a batch has its own descriptor, and what nobody takes is closed")
{
    auto batch = std::make_unique<os::PacketBatch>();
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    const os::UniqueFd reader{os::adopt, ends[0]};
    os::UniqueFd writer{os::adopt, ends[1]};
    Pair pair;
    pair.send("none");
    pair.send("with", writer.get());
    pair.send("with too", writer.get());
    writer.reset();
    CHECK_FALSE(pair.next(*batch).fd.valid());
    {
        const Pair::Got got = pair.next(*batch);
        CHECK(got.text == "with");
        CHECK(got.fd.valid());
        CHECK((::fcntl(got.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(has_writer(reader)); // in the packet that was received and not taken
    batch.reset();
    CHECK_FALSE(has_writer(reader));
}
