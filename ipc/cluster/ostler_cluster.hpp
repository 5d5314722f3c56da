// SPDX-License-Identifier: MIT
// ostler_cluster.hpp — what Node's `cluster` is to its primary, for any C++17 program: a Cluster
// forks, counts, hears and ends the workers of one pool of a running ostlerd.
//
//     ostler::Cluster cluster{"api"};
//     cluster.on_exit([&](ostler::Cluster::Worker worker, const ostler::Cluster::Exit& exit) {
//         std::cerr << "worker " << worker.id() << " " << exit.text << "\n";
//         if (!*worker.exited_after_disconnect())
//             cluster.fork();
//     });
//     for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
//         cluster.fork();
//     cluster.run();
//
//  1. Threads. None inside, and a Cluster with its Workers belongs to one thread at a time. A
//     program may have several Clusters.
//  2. Waiting. Only the constructor, fork(), setup(), settings() and scheduling_policy() wait for
//     the daemon, up to Options::patience; they may be called in a handler, too. All else is sent,
//     and its failure is heard of later. What happens meanwhile stays in line.
//  3. Handlers are called by dispatch(), run() and run_until() alone, one at a time, and never
//     within another: these three throw in a handler. Those of the worker are called first, then
//     those of the cluster, each in the order in which they were added. A handler's exception
//     leaves dispatch() and costs what is in line nothing but the other handlers of its event.
//  4. Order. Of one worker: fork, online, listening (once a socket), messages, disconnect, exit,
//     each but listening and messages at most once. fork() and setup() return before their events.
//     A worker is in workers() from fork() on until before its exit is told. When disconnect or
//     exit is told, exited_after_disconnect() is known.
//  5. Errors. What fails at once throws Error. What fails later is an error event (or goes to the
//     callback of send()); one that no handler listens to leaves dispatch() as an exception. So
//     does, behind all that came before it, the end of the connection.
//  6. Ownership. Descriptors that come with a message are the handler's to take (Handle), and are
//     closed where it does not. Workers are handles: copy them freely; they outlive the worker and
//     the Cluster, and then say what was last known. The Cluster's end ends no worker.
//  7. Text is bytes as they came; daemon and worker may say anything in it. Times are in
//     milliseconds where no type says so.
#ifndef OSTLER_CLUSTER_HPP
#define OSTLER_CLUSTER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ostler
{

namespace cluster // not for you
{
class Core;
struct State;
} // namespace cluster

// What went wrong, in a sentence, and what the command `ostler` would exit with: 1 failed, 2 no
// answer in time, 64 makes no sense, 69 no daemon there (any more), 71 the system, 77 not
// permitted.
class Error : public std::runtime_error
{
public:
    Error(int exit, const std::string& sentence) : std::runtime_error{sentence}, exit_{exit} {}
    [[nodiscard]] int exit() const noexcept { return exit_; }

private:
    int exit_;
};

class Cluster
{
public:
    using WorkerId = std::uint64_t; // counts up over the daemon's life, never used again
    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>; // nothing: as long as it takes
    using Environment = std::map<std::string, std::string>;

    struct Options {
        // Of the control socket. Empty: $OSTLER_SOCKET; else a connection of its own through the
        // one that a controller of the spec is born with, which $OSTLER_CONTROL_FD names; else
        // /run/ostler/control.sock for root and $XDG_RUNTIME_DIR/ostler/control.sock for others.
        std::string path;
        int descriptor = -1; // of an open control connection, instead; it is taken
        std::chrono::milliseconds patience = std::chrono::seconds{30}; // with the daemon's answers
    };

    // What a number in the worker is: a word, or a descriptor of ours, which is lent to setup() and
    // copied to the daemon. At most 16 different ones.
    class Stdio
    {
    public:
        // For 0: "ignore". For 1 and 2: "pipe" (to the daemon's log), "inherit" (where the daemon
        // prints), "ignore". From 3 on: "ipc" (the worker's channel), "ignore". "": as usual.
        Stdio(const char* word) : word_{word} {}            // NOLINT: {"ignore", "pipe", 7}
        Stdio(std::string word) : word_{std::move(word)} {} // NOLINT
        Stdio(int descriptor) : descriptor_{descriptor} {}  // NOLINT
        [[nodiscard]] const std::string& word() const { return word_; }
        // -1: it is a word. In settings() "descriptor" stands for one that the daemon has.
        [[nodiscard]] int descriptor() const { return descriptor_; }

    private:
        std::string word_;
        int descriptor_ = -1;
    };

    // What later forks are started with. Given to setup(): what has a value is laid over what was
    // said before, the rest stays as it is. From settings() and in on_setup(): all of it, where no
    // uid or gid means the daemon's own, and no `silent` that the output is neither (a file, say).
    struct Settings {
        std::optional<std::string> exec; // with a slash relative to the folder of the spec
        std::optional<std::vector<std::string>> exec_argv; // arguments before args
        std::optional<std::vector<std::string>> args;
        std::optional<std::string> cwd;
        std::optional<Environment> env;      // on top of the spec's; what fork() brings is none
        std::optional<std::string> uid, gid; // numbers, or names
        std::optional<bool> silent;          // true: its output goes to the daemon's log
        // Name → base: the worker of slot 3 finds base + 3 in $OSTLER_PORT_NAME.
        std::optional<std::map<std::string, std::uint16_t>> ports;
        std::optional<std::vector<Stdio>> stdio; // by the worker's numbers: 0, 1, 2, 3, …
        std::vector<std::string>
            back_to_spec; // keys ("exec", "execArgv", …) that the spec says again
    };

    enum class Content { bytes, json }; // what a sender says of it; nobody checks

    class Handle; // a descriptor that a message brought
    class Worker;
    class Process;

    struct Message {
        std::string bytes;
        Content content;
        std::shared_ptr<Handle> handle; // null: none came
    };
    enum class AddressType { tcp4, tcp6, unix_path, udp4, udp6 };
    struct Address {
        AddressType type;
        std::string address; // as bound: "tcp://127.0.0.1:8000"
        int port;            // the real one; -1: a Unix socket
        std::string socket;  // its name in the spec
    };
    struct Exit {
        std::optional<int> code; // or
        std::string signal;      // its name: "SIGKILL"
        std::string reason;      // exit, signal, start_failed, start_timeout; missed: see on_error
        std::string text;        // "exited with code 1"
    };

    using OnWorker = std::function<void(const Worker&)>;
    using OnListening = std::function<void(const Worker&, const Address&)>;
    using OnMessage = std::function<void(const Worker&, const Message&)>;
    using OnExit = std::function<void(const Worker&, const Exit&)>;
    using OnError = std::function<void(const Worker&, const Error&)>;
    using OnSetup = std::function<void(const Settings&)>;

    // Joins the daemon as a controller of this pool; needs the role administer. Workers that are
    // there already are in workers(), and of what they did before nothing is told.
    explicit Cluster(std::string pool);
    Cluster(std::string pool, Options options);
    Cluster(Cluster&&) noexcept;
    Cluster& operator=(Cluster&&) noexcept;
    ~Cluster();

    [[nodiscard]] const std::string& pool() const;

    // One worker more than the pool's count, with these variables on top of the spec's. It is not
    // started again when it ends. One that cannot be started is a Worker all the same, of which
    // error and exit are told.
    Worker fork(const Environment& environment = {});

    // Of later forks alone: workers that run, and those that the pool starts itself, are not
    // affected. The daemon keeps them with the pool, whoever said them. Throws an Error with a line
    // for each mistake, and then nothing is changed.
    void setup(const Settings& settings);
    [[nodiscard]] Settings settings();

    [[nodiscard]] std::map<WorkerId, Worker> workers() const; // of the pool, whoever made them

    // Tells each of workers() to disconnect, and calls back when all of these are gone; where there
    // are none, with the next dispatch().
    void disconnect(std::function<void()> callback = {});

    // How connections of each of the pool's sockets come to workers: "round-robin" (the daemon
    // accepts and hands over) or "shared" (Node's SCHED_NONE). By the socket's name.
    [[nodiscard]] std::map<std::string, std::string> scheduling_policy();

    // Once for each setup(), of others too, and before each fork of this Cluster.
    void on_setup(OnSetup handler);
    void on_fork(OnWorker handler);
    void on_online(OnWorker handler);
    void on_listening(OnListening handler);
    void on_message(OnMessage handler); // what workers say to controllers
    void on_disconnect(OnWorker handler);
    void on_exit(OnExit handler);
    // With an empty Worker: this program did not keep up, and that many events or messages are
    // lost. What the events would have said of workers() is made good: a worker that ended
    // meanwhile has an exit without code and signal.
    void on_error(OnError handler);

    void run();  // until stop()
    void stop(); // in a handler
    // Until the predicate, asked after each handler, is true; false at the deadline.
    bool run_until(const std::function<bool()>& predicate, Deadline deadline = {});
    bool run_until(const std::function<bool()>& predicate, std::chrono::milliseconds within);

    // For loops of others: when fd() (lent, for all of the Cluster's life) is readable, dispatch()
    // has something to do. It does what is due and never waits.
    [[nodiscard]] int fd() const;
    void dispatch();

private:
    std::shared_ptr<cluster::Core> core_;
};

// Closes the descriptor at its end, unless it was taken.
class Cluster::Handle
{
public:
    explicit Handle(int descriptor) : descriptor_{descriptor} {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle();

    [[nodiscard]] int get() const { return descriptor_; }                  // -1 when it was taken
    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); } // it is yours now

private:
    int descriptor_;
};

// One worker, or none. Costs a pointer.
class Cluster::Worker
{
public:
    Worker() = default;
    [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }

    [[nodiscard]] WorkerId id() const;
    [[nodiscard]] Process process() const;

    struct Sending {
        Content content = Content::bytes;
        int handle = -1;        // a descriptor that goes along
        bool keep_open = false; // false: it is taken, and closed when it is sent, or cannot be
        std::function<void(const Error*)> callback = {}; // null when it is on its way
    };
    // False when more than 128 KiB wait to be sent: better not go on before a callback comes.
    // Messages arrive in the order in which they were sent, and have at most 16 MiB.
    bool send(std::string bytes) const;
    bool send(std::string bytes, Sending how) const;

    // It gets no more connections, finishes those it has, closes its channel and is not started
    // again.
    const Worker& disconnect() const;
    // The same, and the signal once its channel has ended; at once if it has ended already. As it
    // waits for connections it may take as long as the pool's `stop: {drain: …}`.
    void kill(const std::string& signal = "SIGTERM") const;

    [[nodiscard]] bool is_connected() const; // until before its disconnect is told
    [[nodiscard]] bool is_dead() const;      // from before its exit is told
    // Whether somebody wanted it to go; nothing until its disconnect or exit is told.
    [[nodiscard]] std::optional<bool> exited_after_disconnect() const;

    void on_fork(OnWorker handler) const;
    void on_online(OnWorker handler) const;
    void on_listening(OnListening handler) const;
    void on_message(OnMessage handler) const;
    void on_disconnect(OnWorker handler) const;
    void on_exit(OnExit handler) const;
    void on_error(OnError handler) const; // it could not be started, signalled or sent to

    friend bool operator==(const Worker& a, const Worker& b) { return a.state_ == b.state_; }
    friend bool operator!=(const Worker& a, const Worker& b) { return a.state_ != b.state_; }

    // Not for you.
    explicit Worker(std::shared_ptr<cluster::State> state) : state_{std::move(state)} {}
    [[nodiscard]] const std::shared_ptr<cluster::State>& state() const { return state_; }

private:
    std::shared_ptr<cluster::State> state_;
};

class Cluster::Process
{
public:
    [[nodiscard]] std::optional<int> pid() const; // nothing: it is not started yet, or cannot be
    void kill(const std::string& signal = "SIGTERM") const; // now; the policy decides what follows

    explicit Process(Worker worker) : worker_{std::move(worker)} {}

private:
    Worker worker_;
};

} // namespace ostler

#endif
