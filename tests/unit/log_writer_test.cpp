// SPDX-License-Identifier: MIT
#include "daemon/log_writer.hpp"

#include <future>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/full_pipe.hpp"

using namespace ostler;
using namespace ostler::test;

namespace
{

std::string note(std::uint64_t lost)
{
    return std::to_string(lost) + " lost\n";
}

const std::string line = std::string(1023, 'x') + "\n";

} // namespace

TEST_CASE("a log that nobody reads holds up nobody, and the lines that it lost are counted")
{
    FullPipe pipe;
    LogWriter log{pipe.writer(), note};
    log.write("first\n");
    for (std::size_t sent = 0; sent < 2 * LogWriter::room; sent += line.size())
        log.write(line);
    log.write("last\n");
    CHECK_FALSE(log.flush(0ms));

    auto reading = std::async(std::launch::async, [&] { return pipe.read(); });
    CHECK(log.flush(patience));
    pipe.close_writer();
    const std::string text = reading.get();
    CHECK(text.find(" lost\n" + line) != std::string::npos);
    CHECK(text.substr(text.size() - 5) == "last\n");
    // Nothing is missing without being counted. The thread may come to its first line before,
    // between or after losses, so that there may be several notes.
    std::size_t written = 0, lost = 0;
    std::istringstream lines{text};
    for (std::string each; std::getline(lines, each);) {
        if (each.ends_with(" lost"))
            lost += std::stoul(each);
        else
            ++written;
    }
    CHECK(written + lost == 2 * LogWriter::room / line.size() + 2);
}

TEST_CASE("a log whose reader is gone costs nothing but its lines")
{
    FullPipe pipe;
    LogWriter log{pipe.writer(), note};
    log.write(line); // in the middle of this, perhaps
    pipe.close_reader();
    log.write(line);
    CHECK(log.flush(patience)); // and no SIGPIPE has ended us
}

TEST_CASE("a writer that is stuck is left behind, and writes nothing more")
{
    FullPipe pipe;
    {
        LogWriter log{pipe.writer(), note};
        log.write("in hand\n");
        CHECK_FALSE(log.flush(20ms));
        log.write("dropped\n");
    }
    pipe.close_writer();
    CHECK(pipe.read().find("dropped") == std::string::npos);
}
