// SPDX-License-Identifier: MIT
#include "daemon/spec_watch.hpp"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scratch.hpp"

using namespace ostler;
using namespace std::chrono_literals;
using test::replace_file;
using test::Scratch;
using test::write_file;
namespace fs = std::filesystem;

namespace
{

class Watched
{
public:
    explicit Watched(const std::string& path)
        : watch_{std::in_place, loop_.get_executor(), path, [this] { ++count_; }}
    {
    }
    // Whether it was told of what just happened; exactly once.
    bool heard()
    {
        const auto deadline = std::chrono::steady_clock::now() + test::patience;
        const int before = count_;
        while (count_ == before && std::chrono::steady_clock::now() < deadline)
            loop_.run_one_for(100ms);
        return count_ == before + 1 && silent();
    }
    // Longer than it takes to settle.
    bool silent()
    {
        const int before = count_;
        loop_.run_for(SpecWatch::settle * 3 / 2);
        return count_ == before;
    }

private:
    boost::asio::io_context loop_;
    int count_ = 0;
    std::optional<SpecWatch> watch_;
};

std::vector<PathStep> below(const Scratch& scratch, std::vector<PathStep> trail)
{
    std::erase_if(trail, [&](const PathStep& step) {
        return step.folder.find(scratch.path()) == std::string::npos;
    });
    for (auto& step : trail)
        step.folder.erase(0, scratch.path().size());
    return trail;
}

} // namespace

TEST_CASE("a path's trail goes through every link, and ends where something is missing")
{
    const Scratch scratch;
    fs::create_directories(scratch / "v1");
    write_file(scratch / "v1/spec", "");
    fs::create_directory_symlink("v1", scratch / "now");
    fs::create_symlink("now/../now/spec", scratch / "link");
    fs::create_symlink("circle", scratch / "circle");
    using Trail = std::vector<PathStep>;
    CHECK(below(scratch, path_trail(scratch / "v1/spec")) ==
          Trail{{"", "v1", false}, {"/v1", "spec", true}});
    CHECK(below(scratch, path_trail(scratch / "link")) ==
          Trail{{"", "link", true}, {"", "now", false}, {"", "v1", false}, {"/v1", "spec", true}});
    CHECK(below(scratch, path_trail(scratch / "no/such/spec")) == Trail{{"", "no", false}});
    CHECK(below(scratch, path_trail(scratch / "circle")) == Trail{{"", "circle", true}});
}

TEST_CASE("a spec that is written in place or renamed into place is heard of once")
{
    const Scratch scratch;
    const std::string path = scratch / "spec";
    write_file(path, "one");
    Watched watched{path};
    CHECK(watched.silent());
    write_file(path, "two");
    CHECK(watched.heard());
    replace_file(path, "three");
    CHECK(watched.heard());
    write_file(path, "four");
    write_file(path, "five");
    replace_file(path, "six");
    CHECK(watched.heard());
    write_file(scratch / "other", "of no interest");
    CHECK(watched.silent());
}

TEST_CASE("a spec that is still being written, or is removed, is not heard of")
{
    const Scratch scratch;
    const std::string path = scratch / "spec";
    write_file(path, "one");
    Watched watched{path};
    fs::remove(path);
    CHECK(watched.silent());
    {
        std::ofstream file{path};
        file << "half" << std::flush;
        CHECK(watched.silent());
    }
    CHECK(watched.heard());
}

TEST_CASE("a spec that is reached through a link is heard of when either changes")
{
    const Scratch scratch;
    fs::create_directories(scratch / "real");
    write_file(scratch / "real/spec", "one");
    write_file(scratch / "real/other", "other");
    fs::create_symlink("real/spec", scratch / "spec");
    Watched watched{scratch / "spec"};
    write_file(scratch / "real/spec", "two");
    CHECK(watched.heard());
    replace_file(scratch / "real/spec", "three");
    CHECK(watched.heard());
    fs::create_symlink("real/other", scratch / "new");
    fs::rename(scratch / "new", scratch / "spec");
    CHECK(watched.heard());
    write_file(scratch / "real/other", "and the new target is watched");
    CHECK(watched.heard());
    write_file(scratch / "real/spec", "the old one is not");
    CHECK(watched.silent());
}

TEST_CASE("a spec in a volume of Kubernetes is heard of when its data is swapped")
{
    const Scratch scratch;
    fs::create_directories(scratch / "..v1");
    fs::create_directories(scratch / "..v2");
    write_file(scratch / "..v1/spec", "one");
    write_file(scratch / "..v2/spec", "two");
    fs::create_directory_symlink("..v1", scratch / "..data");
    fs::create_symlink("..data/spec", scratch / "spec");
    Watched watched{scratch / "spec"};
    fs::create_directory_symlink("..v2", scratch / "..data_tmp");
    fs::rename(scratch / "..data_tmp", scratch / "..data");
    fs::remove_all(scratch / "..v1");
    CHECK(watched.heard());
}

TEST_CASE("a spec whose folder vanishes is heard of when it is back")
{
    const Scratch scratch;
    fs::create_directories(scratch / "etc/app");
    write_file(scratch / "etc/app/spec", "one");
    Watched watched{scratch / "etc/app/spec"};
    fs::remove_all(scratch / "etc");
    CHECK(watched.silent());
    fs::create_directories(scratch / "etc/app");
    CHECK(watched.silent());
    write_file(scratch / "etc/app/spec", "two");
    CHECK(watched.heard());

    fs::create_directories(scratch / "new/app");
    write_file(scratch / "new/app/spec", "three");
    fs::rename(scratch / "etc", scratch / "old");
    CHECK(watched.silent());
    fs::rename(scratch / "new", scratch / "etc");
    CHECK(watched.heard());
}
