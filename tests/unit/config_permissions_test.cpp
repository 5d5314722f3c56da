// SPDX-License-Identifier: MIT
// Who may have written what the daemon trusts. The folders of other users are made by root only.
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "config/permissions.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scratch.hpp"
#include "tests/unit/config_support.hpp"

using namespace ostler::config;
using ostler::test::Scratch;
using ostler::test::write_file;
using Lines = std::vector<std::string>;

namespace
{

constexpr const char* text = "pools: {p: {exec: /bin/sh}}\n";
constexpr const char* way_out = "; --insecure-spec accepts it, for development";

void set_mode(const std::string& path, mode_t mode)
{
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

Lines load_lines(const std::string& path, bool insecure = false)
{
    LoadOptions options = with({});
    options.insecure = insecure;
    return lines_of(load(path, options));
}

// A spec in a folder of its own, trusted so far.
struct Files {
    Scratch scratch;
    std::string folder = scratch / "etc";
    std::string spec = folder + "/spec.yaml";
    Files()
    {
        set_mode(scratch.path(), 0755);
        std::filesystem::create_directory(folder);
        set_mode(folder, 0755);
        write_file(spec, text);
        set_mode(spec, 0644);
    }
};

} // namespace

TEST_CASE("a spec that only root or the daemon's user may change is read")
{
    const Files files;
    CHECK(load_lines(files.spec) == Lines{});
    const Loaded loaded = load(files.spec, with({}));
    CHECK(loaded.text == text);
    CHECK(loaded.spec->path == files.spec);
}

TEST_CASE("a spec that others may write is refused with its path and mode")
{
    const Files files;
    set_mode(files.spec, 0664);
    CHECK(load_lines(files.spec) ==
          Lines{std::string{"spec.yaml: the spec can be written by others (mode 0664): "} +
                "chmod go-w it" + way_out});
    CHECK(load_lines(files.spec, true) == Lines{});
}

TEST_CASE("a folder on the way that others may write is refused, unless it is sticky")
{
    const Files files;
    set_mode(files.folder, 0777);
    CHECK(load_lines(files.spec) ==
          Lines{"spec.yaml: the folder " + files.folder +
                " can be written by others (mode 0777): chmod go-w it" + way_out});
    set_mode(files.folder, 01777);
    CHECK(load_lines(files.spec) == Lines{});
}

TEST_CASE("a symbolic link is followed through folders that others cannot write only")
{
    const Files files;
    const std::string open_folder = files.scratch / "open";
    std::filesystem::create_directory(open_folder);
    set_mode(open_folder, 0777);
    std::filesystem::create_symlink("../etc/spec.yaml", open_folder + "/spec.yaml");
    const std::string link = files.folder + "/link.yaml";
    std::filesystem::create_symlink(open_folder + "/spec.yaml", link);

    CHECK(load_lines(link) ==
          Lines{"spec.yaml: the folder " + open_folder +
                " can be written by others (mode 0777): chmod go-w it" + way_out});
    set_mode(open_folder, 0755);
    CHECK(load_lines(link) == Lines{});
}

TEST_CASE("links that lead in a circle end")
{
    const Files files;
    std::filesystem::create_symlink("b", files.folder + "/a");
    std::filesystem::create_symlink("a", files.folder + "/b");
    CHECK(distrust_way_to(files.folder + "/a/x").value_or("").find("too many symbolic links") !=
          std::string::npos);
}

TEST_CASE("a spec that belongs to another user is refused")
{
    if (::geteuid() != 0)
        return;
    const Files files;
    REQUIRE(::chown(files.spec.c_str(), 54321, 54321) == 0);
    CHECK(load_lines(files.spec) ==
          Lines{std::string{"spec.yaml: the spec belongs to user 54321 (mode 0644), who could "} +
                "change it: give it to root or to the user of the daemon" + way_out});
}

TEST_CASE("a program that root runs must be root's alone")
{
    if (::geteuid() != 0)
        return;
    const Files files;
    const std::string program = files.folder + "/server";
    write_file(program, "#!/bin/sh\n");
    set_mode(program, 0775);
    write_file(files.spec, "pools:\n  a: {exec: ./server}\n"
                           "  b: {exec: ./server, user: 54321, group: 54321}\n");
    CHECK(load_lines(files.spec) ==
          Lines{"spec.yaml:2:13: pools.a.exec: root would run it, but " + program +
                " can be written by others (mode 0775): chmod go-w it"});
    CHECK(load_lines(files.spec, true) == Lines{});
}

TEST_CASE("what is not a file is not read, and does not hang the daemon")
{
    const Files files;
    const std::string fifo = files.folder + "/fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(load_lines(fifo) == Lines{"spec.yaml: is not a file"});
    CHECK(load_lines(files.folder) == Lines{"spec.yaml: is not a file"});
    CHECK(load_lines(files.folder + "/nope") ==
          Lines{"spec.yaml: cannot be opened: No such file or directory"});
}

TEST_CASE("the example that newcomers edit has no mistake once its program is built")
{
    const Files files;
    const std::string program = files.folder + "/http-worker-c";
    write_file(program, "#!/bin/sh\n");
    set_mode(program, 0755);
    LoadOptions options = with({{"OSTLER_EXAMPLES", files.folder}});
    const Loaded loaded = load(OSTLER_TEST_SOURCE_ROOT "/examples/hello.yaml", options);
    CHECK(lines_of(loaded) == Lines{});
    REQUIRE(loaded.spec);
    CHECK(loaded.spec->pools.at(0).workers == 4);
    CHECK(loaded.spec->pools.at(0).program.exec == program);
}
