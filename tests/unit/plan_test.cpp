// SPDX-License-Identifier: MIT
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

#include "ipc/sealed_plan.hpp"
#include "ipc/wire/plan.hpp"
#include "ipc/wire/plan_view.hpp"
#include "tests/support/catch.hpp"

namespace plan = ostler::wire::plan;
using plan::Plan;

namespace
{

Plan full_plan()
{
    return {
        .exec = "/usr/bin/server",
        .args = {"server", "--verbose", ""},
        .env = {"A=1", "B="},
        .listen_pid = true,
        .cwd = "/srv",
        .uid = 33,
        .gid = 34,
        .groups = {34, 35, 36},
        .umask = 027,
        .nice = -5,
        .set_nice = true,
        .oom_score_adj = 500,
        .set_oom_score_adj = true,
        .cpus = {0, 3},
        .limits = {{.resource = RLIMIT_NOFILE, .soft = 64, .hard = 128}},
        .no_new_privileges = true,
        .keeper = 4711,
        .descriptors = {{.index = 1, .target = 3}, {.index = 0, .target = 4}},
        .out = {.kind = plan::OutputKind::file, .path = "/var/log/x", .index = 0},
        .err = {.kind = plan::OutputKind::descriptor, .path = {}, .index = 2},
    };
}

// Bytes that end where the allocation ends, so that reading one too far is seen.
class Bytes
{
public:
    Bytes(const char* data, std::size_t size) : size_{size}, data_{new std::byte[size]}
    {
        std::memcpy(data_.get(), data, size);
    }
    [[nodiscard]] std::span<const std::byte> span() const { return {data_.get(), size_}; }

private:
    std::size_t size_;
    std::unique_ptr<std::byte[]> data_;
};

std::vector<std::string> list(const plan::Strings& strings)
{
    std::vector<std::string> result;
    const char* next = strings.first;
    for (std::size_t i = 0; i < strings.count; ++i) {
        result.emplace_back(next);
        next += result.back().size() + 1;
    }
    return result;
}

// Everything that the launcher would look at.
std::size_t walk(const plan::View& view)
{
    std::size_t sum = std::strlen(view.exec) + std::strlen(view.cwd) + std::strlen(view.out_path) +
                      std::strlen(view.err_path);
    for (const auto& strings : {view.args, view.env})
        for (const auto& text : list(strings))
            sum += text.size();
    for (const auto& numbers : {view.groups, view.cpus})
        for (const auto number : numbers)
            sum += number;
    for (const auto& limit : view.limits)
        sum += limit.soft;
    for (const auto& placement : view.descriptors)
        sum += placement.index;
    return sum;
}

bool accepted(const Plan& written)
{
    const auto bytes = plan::write_plan(written);
    const Bytes copy{bytes.data(), bytes.size()};
    plan::View view;
    return plan::read_plan(copy.span(), view);
}

} // namespace

TEST_CASE("a plan that was written reads the same")
{
    const Plan written = full_plan();
    const auto bytes = plan::write_plan(written);
    const Bytes copy{bytes.data(), bytes.size()};
    plan::View view;
    REQUIRE(plan::read_plan(copy.span(), view));

    CHECK(view.exec == written.exec);
    CHECK(view.cwd == written.cwd);
    CHECK(list(view.args) == written.args);
    CHECK(list(view.env) == written.env);
    CHECK(std::vector(view.groups.begin(), view.groups.end()) == written.groups);
    CHECK(std::vector(view.cpus.begin(), view.cpus.end()) == written.cpus);
    CHECK(std::vector(view.limits.begin(), view.limits.end()) == written.limits);
    CHECK(std::vector(view.descriptors.begin(), view.descriptors.end()) == written.descriptors);
    CHECK(view.head.uid == 33);
    CHECK(view.head.gid == 34);
    CHECK(view.head.umask == 027);
    CHECK(view.head.nice == -5);
    CHECK(view.head.oom_score_adj == 500);
    CHECK(view.head.keeper == 4711);
    CHECK(view.head.flags == (plan::Flag::listen_pid | plan::Flag::set_nice |
                              plan::Flag::set_oom_score_adj | plan::Flag::no_new_privileges));
    CHECK(view.head.out_kind == 2);
    CHECK(view.out_path == written.out.path);
    CHECK(view.head.err_kind == 3);
    CHECK(view.head.err_index == 2);
}

TEST_CASE("the smallest plan that makes sense is accepted")
{
    const Plan smallest{.exec = "/x", .args = {"x"}, .keeper = 1};
    CHECK(accepted(smallest));
}

TEST_CASE("a plan cut at any length is refused")
{
    const auto bytes = plan::write_plan(full_plan());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Bytes cut{bytes.data(), size};
        plan::View view;
        if (plan::read_plan(cut.span(), view))
            FAIL("accepted with " << size << " of " << bytes.size() << " bytes");
    }
}

TEST_CASE("a plan with any byte changed is refused or stays inside itself")
{
    const auto bytes = plan::write_plan(full_plan());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
            auto broken = bytes;
            broken[at] = static_cast<char>(value);
            const Bytes copy{broken.data(), broken.size()};
            plan::View view;
            if (plan::read_plan(copy.span(), view))
                (void)walk(view);
            else
                ++refused;
        }
    CHECK(refused > bytes.size() / 2); // it does look
}

TEST_CASE("a plan with random bytes in its head never leads outside itself")
{
    const auto bytes = plan::write_plan(full_plan());
    std::mt19937 random{20231};
    for (int round = 0; round < 20'000; ++round) {
        auto broken = bytes;
        for (int flips = 0; flips < 3; ++flips)
            broken[12 + random() % (sizeof(plan::Head) - 12)] = static_cast<char>(random() % 256);
        const Bytes copy{broken.data(), broken.size()};
        plan::View view;
        if (plan::read_plan(copy.span(), view))
            (void)walk(view);
    }
}

TEST_CASE("a plan that makes no sense is refused")
{
    struct Case {
        const char* what;
        std::function<void(Plan&)> spoil;
    };
    const std::vector<Case> cases{
        {"relative program", [](Plan& p) { p.exec = "server"; }},
        {"no program", [](Plan& p) { p.exec.clear(); }},
        {"no argv", [](Plan& p) { p.args.clear(); }},
        {"user without group", [](Plan& p) { p.gid = plan::unset; }},
        {"group without user", [](Plan& p) { p.uid = plan::unset; }},
        {"no keeper", [](Plan& p) { p.keeper = 0; }},
        {"umask", [](Plan& p) { p.umask = 01000; }},
        {"nice", [](Plan& p) { p.nice = 20; }},
        {"oom_score_adj", [](Plan& p) { p.oom_score_adj = -1001; }},
        {"cpu", [](Plan& p) { p.cpus = {1024}; }},
        {"limit of nothing", [](Plan& p) { p.limits[0].resource = RLIM_NLIMITS; }},
        {"limit below nothing", [](Plan& p) { p.limits[0].resource = -1; }},
        {"soft above hard", [](Plan& p) { p.limits[0].soft = 129; }},
        {"target twice", [](Plan& p) { p.descriptors[0].target = 4; }},
        {"target of an output", [](Plan& p) { p.descriptors[0].target = 2; }},
        {"negative target", [](Plan& p) { p.descriptors[0].target = -1; }},
        {"target too high", [](Plan& p) { p.descriptors[0].target = plan::max_target + 1; }},
        {"index too high", [](Plan& p) { p.descriptors[0].index = plan::max_descriptors; }},
        {"output index", [](Plan& p) { p.err.index = plan::max_descriptors; }},
        {"output kind", [](Plan& p) { p.out.kind = plan::OutputKind{4}; }},
        {"relative output", [](Plan& p) { p.out.path = "x"; }},
    };
    REQUIRE(accepted(full_plan()));
    for (const Case& spoilt : cases) {
        INFO(spoilt.what);
        Plan broken = full_plan();
        spoilt.spoil(broken);
        CHECK_FALSE(accepted(broken));
    }
}

TEST_CASE("a sealed plan cannot be changed and reads the same")
{
    const auto sealed = ostler::seal_plan(full_plan());
    REQUIRE(sealed.has_value());
    const auto bytes = plan::write_plan(full_plan());
    std::vector<char> back(bytes.size() + 1);
    CHECK(::pread(sealed->get(), back.data(), back.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
    back.pop_back();
    CHECK(back == bytes);
    CHECK(::pwrite(sealed->get(), "x", 1, 0) == -1);
    CHECK(::ftruncate(sealed->get(), 0) == -1);
    CHECK(::fcntl(sealed->get(), F_ADD_SEALS, 0) == -1);
}

TEST_CASE("a plan longer than the launcher reads is not sealed")
{
    Plan long_plan = full_plan();
    long_plan.env.emplace_back(plan::max_bytes, 'x');
    CHECK(ostler::seal_plan(long_plan).error() == ostler::os::error_from(E2BIG));
}

TEST_CASE("each stage has a name that a sentence can be made with, and so has any other number")
{
    CHECK(plan::stage_name(plan::Stage::user) == "changing to the user");
    CHECK(plan::stage_name(plan::Stage::executing) == "executing the program");
    for (std::uint32_t stage = 0; stage < static_cast<std::uint32_t>(plan::Stage::count); ++stage)
        CHECK(plan::stage_name(plan::Stage{stage}) != "starting it");
    CHECK(plan::stage_name(plan::Stage{~0U}) == "starting it");
}
