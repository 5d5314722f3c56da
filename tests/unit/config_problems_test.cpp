// SPDX-License-Identifier: MIT
// What a spec that is wrong is answered with: file:line:column: path: message.
#include <string>

#include "config/tree.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config_support.hpp"

using namespace ostler::config;
using Lines = std::vector<std::string>;

namespace
{

struct Case {
    std::string text;
    std::string line; // without "spec.yaml:"
};

void check(const std::vector<Case>& cases, const Variables& variables = {})
{
    for (const auto& [text, line] : cases) {
        INFO(text);
        const Loaded loaded = parse_in(text, variables);
        CHECK(lines_of(loaded) == Lines{"spec.yaml:" + line});
        CHECK_FALSE(loaded.spec);
    }
}

// A key of a pool, on line 2 in column 3, and what is said of it.
void check_pool_key(std::vector<Case> cases)
{
    for (auto& [text, line] : cases)
        text = "pools: {p: {exec: /bin/sh,\n  " + text + "}}";
    check(cases);
}

void check_socket_key(std::vector<Case> cases)
{
    for (auto& [text, line] : cases)
        text = "pools: {p: {exec: /bin/sh}}\nsockets: {s: {\n  " + text + "}}";
    check(cases);
}

} // namespace

TEST_CASE("what is no YAML, or not a spec at all")
{
    const std::string example = "it needs at least `pools: {hello: {exec: /path/to/program}}`";
    check({
        {"", " is empty: " + example},
        {"# only a comment\n", " is empty: " + example},
        {"---\n...\n", " is empty: " + example},
        {"- a\n- b\n", "1:1: is not a map of keys: " + example},
        {"just words", "1:1: is not a map of keys: " + example},
        {"pools: {p: {exec: /bin/sh}", "1:27: cannot be read as YAML: end of map flow not found"},
        {"pools:\n  p: {exec: \"/bin", "2:18: cannot be read as YAML: illegal EOF in scalar"},
        {"pools:\n  p: {exec: /bin/sh}\nlog: {\n",
         "4:1: cannot be read as YAML: end of map flow not found"},
        {"pools:\n  p:\n    exec: /bin/sh\n    cwd: \"/usr\n",
         "4:10: cannot be read as YAML: the quote that opens here is never closed"},
        {"pools:\n  p:\n    exec: /bin/sh\n    cwd: &a '/us''r\n",
         "4:10: cannot be read as YAML: the quote that opens here is never closed"},
        {"pools: *nowhere\n", "1:8: cannot be read as YAML: the referenced anchor is not defined"},
        {"pools: {p: {exec: /bin/sh}}\n---\nmore: 1\n",
         "3:1: a second document begins here: a spec is one document, remove the `---`"},
        {"pools: {p: {exec: \"\xE4\"}}", "1:20: byte 0xe4 is not text: the spec must be written in "
                                         "UTF-8, without control characters"},
        {std::string(longest_text + 1, '#'), " is larger than 1 MiB: this cannot be a spec"},
        {"a: &a [*a]", "1:8: cannot be read as YAML: this alias is within what it stands for"},
        {std::string(1 << 20, '['), "1:1001: more than 1000 brackets are open here"},
        {"a: " + std::string(40, '['),
         "1:20: cannot be read as YAML: lists and maps are nested more than 32 deep"},
    });
}

TEST_CASE("aliases do not grow a spec beyond its limit")
{
    std::string laughs = "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n";
    for (int i = 1; i < 9; ++i) {
        const auto before = std::to_string(i - 1);
        laughs += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [";
        for (int j = 0; j < 9; ++j)
            laughs += "*x" + before + ",";
        laughs += "*x" + before + "]\n";
    }
    const Lines lines = lines_of(parse_in(laughs));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] ==
          "spec.yaml:5:46: cannot be read as YAML: with its aliases written out this is "
          "larger than 100000 values or 4 MiB");
}

TEST_CASE("a spec has at most 1024 pools")
{
    std::string text = "pools:\n";
    for (int i = 0; i <= 1024; ++i)
        text += "  p" + std::to_string(i) + ": {exec: /bin/sh}\n";
    check({{text, "1:1: pools: has more than 1024 entries"}});
}

TEST_CASE("keys: missing, unknown, given twice")
{
    check({
        {"log: {}", "1:1: `pools` is missing: name at least one pool, like pools: {hello: {exec: "
                    "/path/to/program}}"},
        {"pools: {}", "1:8: pools: there is no pool: name at least one"},
        {"pools:\n", "1:1: pools: expected a map of pools, found nothing"},
        {"pools: [a]", "1:8: pools: expected a map of pools, found a list"},
        {"pools:\n  api:\n    workers: 2\n",
         "2:3: pools.api: `exec` is missing: say which program its workers run"},
        {"pools: {p: {exec: /bin/sh}}\nscokets: {}",
         "2:1: scokets: unknown key; did you mean \"sockets\"?"},
        {"pools: {p: {exec: /bin/sh}}\nbanana: {}", "2:1: banana: unknown key"},
        {"pools: {p: {exec: /bin/sh}}\nhttp: 127.0.0.1:9641",
         "2:1: http: is designed, but not built yet: remove it"},
        {"pools: {p: {exec: /bin/sh}}\nlog: {}\nlog: {}",
         "3:1: log: is already there in line 2: remove or rename one of them"},
        {"pools:\n  p: {exec: /bin/sh}\n  p: {exec: /bin/sh}",
         "3:3: pools.p: is already there in line 2: remove or rename one of them"},
        {"pools: {p: {exec: /bin/sh}}\n? [a]\n: b", "2:3: expected a name before the colon"},
        {"pools: {p: {exec: /bin/sh, <<: 5}}",
         "1:28: pools.p.<<: expected a map, or a list of maps, "
         "to merge"},
        {"pools: {P: {exec: /bin/sh}}",
         "1:9: pools.P: a name begins with a letter from a to z, goes on with letters, digits, _ "
         "and -, and has at most 64 of them"},
        {"pools: {\"a\\eb\": {exec: /bin/sh}}",
         "1:9: pools.a\\x1bb: a name begins with a letter from a to z, goes on with letters, "
         "digits, _ and -, and has at most 64 of them"},
    });
}

TEST_CASE("keys of a pool: wrong types and impossible values")
{
    check_pool_key({
        {"messages: {limit: 17M}", "2:21: pools.p.messages.limit: expected a size from 1K to 16M, "
                                   "found \"17M\""},
        {"messages: {waiting: 5}",
         "2:23: pools.p.messages.waiting: expected a size from 1K to 16M, "
         "found \"5\""},
        {"workers: many", "2:12: pools.p.workers: expected a whole number from 0 to 1024, found "
                          "\"many\""},
        {"workers: -1", "2:12: pools.p.workers: expected a whole number from 0 to 1024, found "
                        "\"-1\""},
        {"workers: [1]",
         "2:12: pools.p.workers: expected a whole number from 0 to 1024, or auto, found a list"},
        {"workers: {min: 1}", "2:12: pools.p.workers: a count from `min` to `max` is designed, but "
                              "not built yet: write a number, or auto"},
        {"args: -v", "2:9: pools.p.args: expected a list of strings, found \"-v\""},
        {"args: [a, {}]", "2:13: pools.p.args[1]: expected a string, found a map"},
        {"args: [\"a\\0b\"]",
         "2:10: pools.p.args[0]: contains a NUL character, which no program can be given"},
        {"protocol: ostlr", "2:13: pools.p.protocol: expected ostler, systemd or none, found "
                            "\"ostlr\"; did you mean \"ostler\"?"},
        {"protocol: node", "2:13: pools.p.protocol: \"node\" is designed, but not built yet: use "
                           "ostler, systemd or none"},
        {"env: [A=1]", "2:8: pools.p.env: expected a map of variables, found a list"},
        {"env: {A: }", "2:9: pools.p.env.A: expected a string (\"\" for an empty one), found "
                       "nothing"},
        {"env: {A B: x}",
         "2:9: pools.p.env.A B: is not the name of a variable: letters, digits and _ only"},
        {"env: {OSTLER_SLOT: x}",
         "2:9: pools.p.env.OSTLER_SLOT: is set by ostlerd: choose another name"},
        {"env: {A: $HOME}",
         "2:12: pools.p.env.A: a variable is written ${NAME}, and a dollar sign $$"},
        {"env_clear: yes", "2:14: pools.p.env_clear: expected true or false, found \"yes\""},
        {"cwd: nope", "2:8: pools.p.cwd: there is no folder /usr/nope: make it first"},
        {"umask: 022", "2:10: pools.p.umask: expected an octal mode in quotes, like \"0660\", "
                       "found 022 without quotes"},
        {"nice: 20", "2:9: pools.p.nice: expected a whole number from -20 to 19, found \"20\""},
        {"limits: {nofile: 64K}", "2:20: pools.p.limits.nofile: expected a whole number, or "
                                  "unlimited, found \"64K\""},
        {"limits: {nofil: 1}", "2:12: pools.p.limits.nofil: unknown key; did you mean \"nofile\"?"},
        {"limits: {memory: 1G}",
         "2:12: pools.p.limits.memory: is designed, but not built yet: remove it"},
        {"stdout: logs",
         "2:11: pools.p.stdout: expected log, inherit, null or file:PATH, found \"logs\""},
        {"stderr: \"file:/nope/x\"",
         "2:11: pools.p.stderr: there is no folder /nope: make it first"},
        {"liveness: {heartbeat: 10s}",
         "2:3: pools.p.liveness: is designed, but not built yet: remove it"},
    });
}

TEST_CASE("ports of a pool")
{
    check_pool_key({
        {"ports: 9229",
         "2:10: pools.p.ports: expected a map like {debug: {base: 9229}}, found \"9229\""},
        {"ports: {debug: {base: 0}}",
         "2:25: pools.p.ports.debug.base: expected a whole number from 1 to 65535, found \"0\""},
        {"ports: {debug: {}}", "2:18: pools.p.ports.debug: `base` is missing: say which port the "
                               "worker of slot 0 gets"},
        {"ports: {a-b: {base: 1}}",
         "2:11: pools.p.ports.a-b: becomes part of a variable: letters, digits and _ only"},
        {"ports: {a: {base: 1}, A: {base: 99}}",
         "2:25: pools.p.ports.A: becomes OSTLER_PORT_A, as a does"},
        {"workers: 3, ports: {a: {base: 9000}, b: {base: 9003}}",
         "2:50: pools.p.ports.b.base: slot 0 would get 9003, which is a of pool p already: leave "
         "more room between them (pool p takes 4, one for each worker and for each of "
         "rollout.surge)"},
        {"ports: {a: {base: 9000}, b: {base: 9000}}",
         "2:31: pools.p.ports.b: has the same base as a"},
        {"args: [\"${OSTLER_PORT_B}\"], ports: {a: {base: 9000}}",
         "2:38: pools.p.ports: ${OSTLER_PORT_B} is used in this pool, and `ports` has no such "
         "entry"},
        {"env: {OSTLER_PORT_A: \"1\"}",
         "2:9: pools.p.env.OSTLER_PORT_A: is set by ostlerd: choose another name"},
    });
}

TEST_CASE("ports of a pool meet neither those of another nor a socket's")
{
    check({
        {"pools:\n  a: {exec: /bin/sh, ports: {x: {base: 9000}}}\n"
         "  b: {exec: /bin/sh, ports: {y: {base: 9001}}}\n",
         "3:40: pools.b.ports.y.base: slot 0 would get 9001, which is x of pool a already: leave "
         "more room between them (pool b takes 2, one for each worker and for each of "
         "rollout.surge)"},
        {"sockets: {web: {listen: \"tcp://127.0.0.1:9001\"}}\n"
         "pools: {a: {exec: /bin/sh, workers: 2, ports: {x: {base: 9000}}}}",
         "2:58: pools.a.ports.x.base: slot 1 would get 9001, which is the port of socket web "
         "already: leave more room between them (pool a takes 3, one for each worker and for each "
         "of rollout.surge)"},
    });
}

TEST_CASE("behind port 65535 comes 1024")
{
    const Port port{"debug", 65534};
    CHECK(number_of(port, 0) == 65534);
    CHECK(number_of(port, 1) == 65535);
    CHECK(number_of(port, 2) == 1024);
    CHECK(number_of(port, 3) == 1025);
    CHECK(variable_of(port) == "OSTLER_PORT_DEBUG");
}

TEST_CASE("keys of a pool's policies")
{
    check_pool_key({
        {"ready: spawned", "2:10: pools.p.ready: expected a map of keys, found \"spawned\""},
        {"ready: {timeout: 30}",
         "2:20: pools.p.ready.timeout: expected a duration with a unit, like 250ms, 30s or 1m30s, "
         "found \"30\""},
        {"ready: {timeout: 0}", "2:20: pools.p.ready.timeout: must be longer than 0"},
        {"ready: {when: {probe: 1}}",
         "2:17: pools.p.ready.when: a probe is designed, but not built yet: use spawned, online, "
         "listening or notify"},
        {"protocol: systemd, ready: {when: notify}",
         "2:36: pools.p.ready.when: readiness by NOTIFY_SOCKET is designed, but not built yet: use "
         "spawned"},
        {"protocol: none, ready: {when: online}",
         "2:33: pools.p.ready.when: a program with `protocol: none` cannot say that it is online: "
         "use spawned"},
        {"restart: {policy: sometimes}",
         "2:21: pools.p.restart.policy: expected always, on-failure, on-abnormal or never, found "
         "\"sometimes\""},
        {"restart: {backoff: {factor: 0.5}}",
         "2:31: pools.p.restart.backoff.factor: expected a number from 1 to 100, found \"0.5\""},
        {"restart: {backoff: {jitter: 0.25}}",
         "2:31: pools.p.restart.backoff.jitter: expected a percentage from 0% to 100%, found "
         "\"0.25\""},
        {"restart: {backoff: {next: 5s, max: 1s}}",
         "2:38: pools.p.restart.backoff.max: `max` must not be shorter than `next` and `initial`"},
        {"restart: {success_codes: [256]}",
         "2:29: pools.p.restart.success_codes[0]: expected a whole number from 0 to 255, found "
         "\"256\""},
        {"stop: {signal: 15}", "2:18: pools.p.stop.signal: expected the name of a signal, like "
                               "SIGTERM, found \"15\""},
        {"rollout: {unavailable: 1}",
         "2:26: pools.p.rollout.unavailable: more than 0 is designed, but not built yet: write 0, "
         "and surge: 0 to stop the old worker before the new one starts"},
    });
}

TEST_CASE("keys of a socket")
{
    const std::string listen = "listen: \"tcp://127.0.0.1:80\", ";
    check_socket_key({
        {"backlog: 5", "2:11: sockets.s: `listen` is missing: say where, like listen: "
                       "\"tcp://127.0.0.1:8080\""},
        {"listen: 8080",
         "3:11: sockets.s.listen: \"8080\" is not an address: write "
         "tcp://HOST:PORT, udp://HOST:PORT, unix:/PATH, unix:@NAME or systemd:NAME"},
        {listen + "scheduling: kernel", "3:45: sockets.s.scheduling: \"kernel\" is designed, but "
                                        "not built yet: use auto, round-robin or shared"},
        {listen + "backlog: 0",
         "3:42: sockets.s.backlog: expected a whole number from 1 to 65535, found \"0\""},
        {listen + "mode: \"0660\"",
         "3:33: sockets.s.mode: is only for a Unix socket with a path: remove it"},
        {listen + "v6only: true", "3:33: sockets.s.v6only: is only for an IPv6 address: remove it"},
        {listen + "defer_accept: 1500ms",
         "3:47: sockets.s.defer_accept: the kernel counts in whole seconds here: write 1s or more"},
        {"listen: \"udp://127.0.0.1:80\", backlog: 5",
         "3:33: sockets.s.backlog: is only for a socket that accepts connections, not UDP: remove "
         "it"},
        {"listen: \"udp://127.0.0.1:80\", scheduling: round-robin",
         "3:45: sockets.s.scheduling: UDP has no connections to hand over: use auto or shared"},
        {"listen: \"unix:/run/a\", owner: nobody-of-this-name",
         "3:33: sockets.s.owner: there is no user \"nobody-of-this-name\" on this machine"},
        {"listen: \"unix:/run/a\", mode: 0660", "3:32: sockets.s.mode: expected an octal mode in "
                                                "quotes, like \"0660\", found 0660 without "
                                                "quotes"},
    });
}

TEST_CASE("programs, users and groups that are not there")
{
    check({
        {"pools: {p: {exec: nope-nope}}",
         "1:19: pools.p.exec: no program \"nope-nope\" in the PATH of the daemon: write its path"},
        {"pools: {p: {exec: ./nope}}",
         "1:19: pools.p.exec: cannot execute /usr/nope: No such file or directory"},
        {"pools: {p: {exec: /usr}}", "1:19: pools.p.exec: cannot execute /usr: it is a folder"},
        {"pools: {p: {exec: /etc/passwd}}", "1:19: pools.p.exec: cannot execute /etc/passwd: it is "
                                            "not executable (mode 0644): chmod +x it"},
        {"pools: {p: {exec: \"${NOPE}\"}}",
         "1:19: pools.p.exec: the variable NOPE is not set in the environment of the daemon: set "
         "it, or write ${NOPE:-default}"},
    });
    check_pool_key({
        {"user: nope", "2:9: pools.p.user: there is no user \"nope\" on this machine"},
        {"user: 54321",
         "2:9: pools.p.user: user 54321 has no entry on this machine: name the `group` too"},
        {"group: nope", "2:10: pools.p.group: there is no group \"nope\" on this machine"},
        {"supplementary_groups: [root, nope]",
         "2:32: pools.p.supplementary_groups[1]: there is no group \"nope\" on this machine"},
    });
    check({{"pools: {p: {exec: /bin/sh}}\ncontrol: {operate: [\"@nope\"]}",
            "2:21: control.operate[0]: there is no group \"nope\" on this machine"}});
}

TEST_CASE("parts that do not fit together")
{
    const std::string web = "sockets: {web: {listen: \"tcp://0.0.0.0:80\"}}\npools:\n";
    check({
        {web + "  p: {exec: /bin/sh, sockets: [wbe]}",
         "3:32: pools.p.sockets[0]: there is no socket \"wbe\"; did you mean \"web\"?"},
        {web + "  p: {exec: /bin/sh, sockets: [web, web]}",
         "3:37: pools.p.sockets[1]: socket \"web\" is listed twice"},
        {web + "  p: {exec: /bin/sh, protocol: none, sockets: [web]}",
         "3:38: pools.p.sockets: a program with `protocol: none` cannot be given sockets: remove "
         "them, or choose ostler or systemd"},
        {"sockets: {web: {listen: \"tcp://0.0.0.0:80\", scheduling: round-robin}}\n"
         "pools: {p: {exec: /bin/sh, protocol: systemd, sockets: [web]}}",
         "1:57: sockets.web.scheduling: pool p speaks systemd, which cannot be handed connections: "
         "use auto or shared"},
        {"sockets:\n  a: {listen: \"tcp://0.0.0.0:80\"}\n  b: {listen: \"tcp://127.0.0.1:80\"}\n"
         "pools: {p: {exec: /bin/sh}}",
         "3:15: sockets.b.listen: cannot be bound beside socket a (tcp://0.0.0.0:80), which takes "
         "the same address"},
        {"pools: {p: {exec: /bin/sh}}\nready_when: 2", "2:13: ready_when: there is only 1 pool"},
    });
    check(
        {{"pools: {p: {exec: /bin/sh}}", " the variable OSTLER_SCHED_POLICY is \"fair\": expected "
                                         "rr (or round-robin) or none (or shared)"}},
        {{"OSTLER_SCHED_POLICY", "fair"}});
}

TEST_CASE("every mistake is found in one run, in the order of the file")
{
    CHECK(lines_of(parse_in(R"(
defaults: {restart: {polcy: never}}
sockets:
  web: {listen: "tcp://localhost:80", backlog: many}
pools:
  api: {exec: /nope, workers: many, sockets: [wbe]}
  jobs: {wrokers: 1}
log: {level: loud}
)")) == Lines{
            "spec.yaml:2:22: defaults.restart.polcy: unknown key; did you mean \"policy\"?",
            "spec.yaml:4:17: sockets.web.listen: \"localhost\" is not an address in numbers: "
            "write one like 127.0.0.1 or [::1], names are not looked up",
            "spec.yaml:4:48: sockets.web.backlog: expected a whole number from 1 to 65535, found "
            "\"many\"",
            "spec.yaml:6:15: pools.api.exec: cannot execute /nope: No such file or directory",
            "spec.yaml:6:31: pools.api.workers: expected a whole number from 0 to 1024, found "
            "\"many\"",
            "spec.yaml:6:47: pools.api.sockets[0]: there is no socket \"wbe\"; did you mean "
            "\"web\"?",
            "spec.yaml:7:3: pools.jobs: `exec` is missing: say which program its workers run",
            "spec.yaml:7:10: pools.jobs.wrokers: unknown key; did you mean \"workers\"?",
            "spec.yaml:8:14: log.level: expected trace, debug, info, warn or error, found "
            "\"loud\"",
        });
}

TEST_CASE("a mistake that an alias or the defaults bring into many pools is said once")
{
    check({
        {"x-base: &base {exec: /bin/sh, nice: 99}\npools: {a: *base, b: {<<: *base}}",
         "1:37: pools.a.nice: expected a whole number from -20 to 19, found \"99\""},
        {"defaults: {exec: /nope}\npools: {a: {}, b: {}}",
         "1:18: defaults.exec: cannot execute /nope: No such file or directory"},
        {"defaults: [a]\npools: {a: {exec: /bin/sh}}",
         "1:11: defaults: expected a map of the keys of a pool"},
    });
}
