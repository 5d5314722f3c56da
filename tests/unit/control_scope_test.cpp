// SPDX-License-Identifier: MIT
#include "daemon/control_scope.hpp"
#include "tests/support/catch.hpp"

using namespace ostler;
using Catch::Contains;
using config::User;

namespace
{

using Identity = std::optional<User>;

User user(uid_t uid, gid_t gid, std::vector<gid_t> groups = {})
{
    return {uid, gid, std::move(groups), "user" + std::to_string(uid), "/"};
}

std::string refusal(const Identity& own, const Identity& of_pool, const Identity& as)
{
    config::Pool pool;
    pool.name = "api";
    pool.program.user = of_pool;
    return ControlScope{7, "ctl/0", {"api"}, own}.why_not_start(as, pool);
}

} // namespace

TEST_CASE("a controller starts workers as itself or as the pool says", "[controllers]")
{
    const User own = user(1, 1, {1, 5});
    const User other = user(2, 2, {2});
    const User third = user(3, 3);
    CHECK(refusal(own, other, own).empty());
    CHECK(refusal(own, other, other).empty());
    CHECK_THAT(refusal(own, other, third), Contains("ctl/0 may start workers as user1") &&
                                               Contains("as user2") && Contains("of pool api") &&
                                               Contains("not as user3"));
    CHECK(refusal(own, {}, {}).empty()); // the daemon's own, as the pool's are
    CHECK_FALSE(refusal(own, other, {}).empty());
    CHECK_FALSE(refusal(own, {}, user(0, 0)).empty()); // not by another name
}

TEST_CASE("a worker of a controller has no group more", "[controllers]")
{
    const User own = user(1, 1, {1, 5});
    const User other = user(2, 2, {2, 6});
    CHECK(refusal(own, other, user(1, 1)).empty());
    CHECK(refusal(own, other, user(1, 5, {1})).empty()); // the same ones in another order
    CHECK_FALSE(refusal(own, other, user(1, 0)).empty());
    CHECK_FALSE(refusal(own, other, user(1, 1, {1, 6})).empty()); // one of each
    CHECK_FALSE(refusal(own, other, user(2, 1)).empty());
}

TEST_CASE("a controller that runs as the daemon's own user starts workers as anybody",
          "[controllers]")
{
    CHECK(refusal({}, user(2, 2), user(3, 3)).empty());
}
