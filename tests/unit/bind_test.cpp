// SPDX-License-Identifier: MIT
#include "daemon/binding.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/os/holder.hpp"
#include "tests/support/scratch.hpp"
#include "tests/unit/listening.hpp"

using namespace ostler;
using namespace ostler::test;
using Family = config::Address::Family;
using Catch::Matchers::Contains;

namespace
{

config::Socket unix_socket(const std::string& path)
{
    config::Socket socket{.name = "admin"};
    socket.listen = {.family = Family::unix_path, .path = path, .text = "unix:" + path};
    return socket;
}

os::BoundSocket must_bind(const config::Socket& spec)
{
    std::string sentence;
    auto bound = bind_socket(spec, sentence);
    INFO(sentence);
    REQUIRE(bound);
    return std::move(*bound);
}

std::string refusal(const config::Socket& spec)
{
    std::string sentence;
    CHECK(!bind_socket(spec, sentence));
    return sentence;
}

std::string address_of(const os::BoundSocket& bound)
{
    return os::Endpoint::of(bound.fd.borrow())->text();
}

config::Socket same_port(const config::Socket& spec, const os::BoundSocket& bound)
{
    config::Socket same = spec;
    same.listen.port = os::Endpoint::of(bound.fd.borrow())->port();
    return same;
}

int connect_error(const std::string& host, std::uint16_t port)
{
    return Client{*os::Endpoint::ip(host, port, os::Transport::stream)}.error();
}

int option(os::FdRef fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(fd.get(), level, name, &value, &size) == 0);
    return value;
}

std::string me()
{
    return "(pid " + std::to_string(::getpid()) + ")";
}

} // namespace

TEST_CASE("port 0 becomes a real port, and the address is printed with it")
{
    const auto v4 = must_bind(tcp_socket("127.0.0.1"));
    const auto port = os::Endpoint::of(v4.fd.borrow())->port();
    CHECK(port != 0);
    CHECK(address_of(v4) == "tcp://127.0.0.1:" + std::to_string(port));
    const auto v6 = must_bind(tcp_socket("::1"));
    CHECK_THAT(address_of(v6), Catch::Matchers::StartsWith("tcp://[::1]:"));
    CHECK(connect_error("127.0.0.1", port) == 0);
}

TEST_CASE("[::] takes IPv4 too, unless v6only is set")
{
    auto spec = tcp_socket("::");
    const auto both = must_bind(spec);
    CHECK(connect_error("127.0.0.1", os::Endpoint::of(both.fd.borrow())->port()) == 0);
    spec.v6only = true;
    const auto only = must_bind(spec);
    const auto port = os::Endpoint::of(only.fd.borrow())->port();
    CHECK(connect_error("::1", port) == 0);
    CHECK(connect_error("127.0.0.1", port) == ECONNREFUSED);
}

TEST_CASE("listening sockets are CLOEXEC and non-blocking and have the options of the spec")
{
    auto spec = tcp_socket();
    spec.keepalive = spec.nodelay = true;
    spec.defer_accept = 1500ms;
    const auto bound = must_bind(spec);
    CHECK((::fcntl(bound.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(bound.fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK(option(bound.fd.borrow(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(bound.fd.borrow(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option(bound.fd.borrow(), IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 2);
    CHECK(option(bound.fd.borrow(), SOL_SOCKET, SO_REUSEADDR) == 1);
}

TEST_CASE("an address in use names its holder")
{
    const auto tcp = must_bind(tcp_socket("127.0.0.1"));
    const auto sentence = refusal(same_port(tcp_socket("0.0.0.0"), tcp));
    CHECK_THAT(sentence, Contains("cannot bind tcp://0.0.0.0:") && Contains("address in use by ") &&
                             Contains(me()));

    config::Socket dns{.name = "dns"};
    dns.listen = {.family = Family::udp, .host = "::1", .text = "udp://[::1]:0"};
    const auto udp = must_bind(dns);
    CHECK_THAT(refusal(same_port(dns, udp)), Contains("udp://[::1]:") && Contains(me()));

    config::Socket hidden{.name = "hidden"};
    const std::string name = "ostler-bind-test-" + std::to_string(::getpid());
    hidden.listen = {.family = Family::unix_abstract, .path = name, .text = "unix:@" + name};
    const auto abstract = must_bind(hidden);
    CHECK(address_of(abstract) == "unix:@" + name);
    CHECK_THAT(refusal(hidden), Contains("unix:@" + name) && Contains(me()));
}

TEST_CASE("failures to bind say what to do")
{
    const auto where = [](std::uint16_t port) {
        return *os::Endpoint::ip("0.0.0.0", port, os::Transport::stream);
    };
    CHECK(why_not_bound(where(80), os::error_from(EACCES)) ==
          "cannot bind tcp://0.0.0.0:80: permission denied: ports below 1024 need root or "
          "CAP_NET_BIND_SERVICE");
    CHECK_THAT(refusal(tcp_socket("192.0.2.1")), Contains("no interface of this machine"));
    CHECK_THAT(refusal(unix_socket("/nowhere/at/all.sock")), Contains("folder does not exist"));
    CHECK_THAT(refusal(unix_socket("/" + std::string(108, 'x'))), Contains("107 bytes"));
}

TEST_CASE("the file of a Unix socket has the mode and owner of the spec before anybody can connect")
{
    const Scratch folder;
    auto spec = unix_socket(folder / "a.sock");
    spec.mode = 0620;
    spec.owner = ::getuid();
    spec.group = ::getgid();
    const auto bound = must_bind(spec);
    struct stat found {
    };
    REQUIRE(::lstat(spec.listen.path.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0620);
    CHECK(found.st_uid == ::getuid());
    CHECK(Client{*os::Endpoint::of(bound.fd.borrow())}.error() == 0);
}

TEST_CASE("a socket file whose process is dead is taken over, a living one's is not")
{
    const Scratch folder;
    const auto spec = unix_socket(folder / "a.sock");
    {
        auto dead = must_bind(spec);
        dead.file.keep(); // as after kill -9
    }
    REQUIRE(exists(spec.listen.path));
    const auto living = must_bind(spec);
    CHECK_THAT(refusal(spec), Contains("address in use by ") && Contains(me()));
    CHECK(exists(spec.listen.path));
}

TEST_CASE("what is not a socket is never removed to make room for one")
{
    const Scratch folder;
    const auto spec = unix_socket(folder / "data");
    write_file(spec.listen.path, "precious");
    CHECK_THAT(refusal(spec), Contains("not a socket"));
    CHECK(read_file(spec.listen.path) == "precious");
    const auto linked = unix_socket(folder / "link");
    REQUIRE(::symlink(spec.listen.path.c_str(), linked.listen.path.c_str()) == 0);
    CHECK_THAT(refusal(linked), Contains("not a socket"));
}

TEST_CASE("the file of a Unix socket goes with it, unless another has taken its place")
{
    const Scratch folder;
    const auto spec = unix_socket(folder / "a.sock");
    {
        const auto bound = must_bind(spec);
        CHECK(exists(spec.listen.path));
    }
    CHECK(!exists(spec.listen.path));
    {
        const auto bound = must_bind(spec);
        ::unlink(spec.listen.path.c_str());
        write_file(spec.listen.path, "somebody else's");
    }
    CHECK(exists(spec.listen.path));
}
