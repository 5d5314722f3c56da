// SPDX-License-Identifier: MIT
#include <string>

#include "config/address.hpp"
#include "tests/support/catch.hpp"

using namespace ostler::config;
using Family = Address::Family;

namespace
{

Socket at(const std::string& text, bool v6only = false)
{
    return {.listen = *parse_address(text, "/etc/app"), .v6only = v6only};
}

} // namespace

TEST_CASE("addresses of sockets")
{
    struct Case {
        const char* text;
        Family family;
        const char* host;
        std::uint16_t port;
        const char* path;
    };
    for (const auto& [text, family, host, port, path] :
         {Case{"tcp://0.0.0.0:8000", Family::tcp, "0.0.0.0", 8000, ""},
          Case{"tcp://127.0.0.1:0", Family::tcp, "127.0.0.1", 0, ""},
          Case{"tcp://[::]:65535", Family::tcp, "::", 65535, ""},
          Case{"tcp://[0:0::1]:80", Family::tcp, "::1", 80, ""},
          Case{"udp://[::]:5353", Family::udp, "::", 5353, ""},
          Case{"unix:/run/app.sock", Family::unix_path, "", 0, "/run/app.sock"},
          Case{"unix:///run/app.sock", Family::unix_path, "", 0, "/run/app.sock"},
          Case{"unix:run/app.sock", Family::unix_path, "", 0, "/etc/app/run/app.sock"},
          Case{"unix:../app.sock", Family::unix_path, "", 0, "/etc/app.sock"},
          Case{"unix:@app", Family::unix_abstract, "", 0, "app"}}) {
        INFO(text);
        const auto address = parse_address(text, "/etc/app");
        REQUIRE(address);
        CHECK(address->family == family);
        CHECK(address->host == host);
        CHECK(address->port == port);
        CHECK(address->path == path);
        CHECK(address->text == text);
    }
}

TEST_CASE("what is no address is answered with a sentence")
{
    struct Case {
        std::string text;
        std::string sentence;
    };
    for (const auto& [text, sentence] : {
             Case{"8080", "\"8080\" is not an address: write tcp://HOST:PORT, udp://HOST:PORT, "
                          "unix:/PATH, unix:@NAME or systemd:NAME"},
             Case{"tcp://127.0.0.1",
                  "the port is missing after \"127.0.0.1\": add :PORT, or :0 for any free one"},
             Case{"tcp://[::1]",
                  "the port is missing after \"[::1]\": add :PORT, or :0 for any free one"},
             Case{"tcp://127.0.0.1:", "expected a port from 0 to 65535, found \"\""},
             Case{"tcp://127.0.0.1:65536", "expected a port from 0 to 65535, found \"65536\""},
             Case{"tcp://127.0.0.1:http", "expected a port from 0 to 65535, found \"http\""},
             Case{"tcp://:80", "the host is missing: write 0.0.0.0 for every IPv4 address of this "
                               "machine, [::] for every address"},
             Case{"tcp://::1:80", "an IPv6 address is written in brackets: [::1]"},
             Case{"tcp://localhost:80",
                  "\"localhost\" is not an address in numbers: write one like 127.0.0.1 or [::1], "
                  "names are not looked up"},
             Case{"tcp://[127.0.0.1]:80",
                  "\"[127.0.0.1]\" is not an address in numbers: write one like 127.0.0.1 or "
                  "[::1], names are not looked up"},
             Case{"unix:", "the path is missing: write unix:/run/app.sock, or unix:@name"},
             Case{"unix:@", "the path is missing: write unix:/run/app.sock, or unix:@name"},
             Case{"unix:@" + std::string(108, 'a'), "the name is longer than 107 bytes"},
             Case{"unix:/" + std::string(107, 'a'),
                  "\"/" + std::string(79, 'a') +
                      "…\" is longer than the 107 bytes that the path of a Unix socket may have"},
             Case{"systemd:", "\"\" is not a name that systemd gives to sockets: write the one of "
                              "FileDescriptorName= in the socket unit, or of the unit itself"},
             Case{"systemd:a:b",
                  "\"a:b\" is not a name that systemd gives to sockets: write the one of "
                  "FileDescriptorName= in the socket unit, or of the unit itself"},
         }) {
        INFO(text);
        const auto address = parse_address(text, "/");
        REQUIRE_FALSE(address);
        CHECK(address.wrong() == sentence);
    }
}

TEST_CASE("two sockets that the kernel would not bind beside each other")
{
    CHECK(clash(at("tcp://127.0.0.1:80"), at("tcp://127.0.0.1:80")));
    CHECK(clash(at("tcp://127.0.0.1:80"), at("tcp://0.0.0.0:80")));
    CHECK(clash(at("tcp://[::]:80"), at("tcp://127.0.0.1:80")));
    CHECK(clash(at("tcp://[::0]:80"), at("tcp://[::]:80", true)));
    CHECK(clash(at("udp://[::1]:53"), at("udp://[0::1]:53")));
    CHECK(clash(at("unix:/run/a"), at("unix:/run/./a")));

    CHECK_FALSE(clash(at("tcp://[::]:80", true), at("tcp://0.0.0.0:80")));
    CHECK_FALSE(clash(at("tcp://127.0.0.1:0"), at("tcp://127.0.0.1:0")));
    CHECK_FALSE(clash(at("tcp://127.0.0.1:80"), at("tcp://127.0.0.2:80")));
    CHECK_FALSE(clash(at("tcp://127.0.0.1:80"), at("udp://127.0.0.1:80")));
    CHECK_FALSE(clash(at("unix:/run/a"), at("unix:@/run/a")));
}

TEST_CASE("another spelling of an address is the same address")
{
    CHECK(*parse_address("tcp://[::0]:80", "/") == *parse_address("tcp://[::]:80", "/"));
}
