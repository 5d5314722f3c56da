// SPDX-License-Identifier: MIT
#include "tests/support/child.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/support/orphans.hpp"

namespace ostler::test
{

namespace
{

os::UniqueFd memory_file(const char* name)
{
    return os::UniqueFd{os::adopt, ::memfd_create(name, MFD_CLOEXEC)};
}

std::string contents(os::FdRef file)
{
    struct stat about {
    };
    ::fstat(file.get(), &about);
    std::string text(static_cast<std::size_t>(about.st_size), '\0');
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

Words environment(const std::map<std::string, std::string>& added)
{
    Words result;
    for (char** entry = environ; *entry; ++entry) {
        const std::string text = *entry;
        const std::string name = text.substr(0, text.find('='));
        if (name.rfind("OSTLER_", 0) != 0 && name != "NOTIFY_SOCKET" && !added.contains(name))
            result.push_back(text);
    }
    for (const auto& [name, value] : added)
        result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(const Words& list)
{
    std::vector<char*> result;
    for (const std::string& word : list)
        result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
}

// The descriptors of the child and nothing else. Duplicated high first, so that none of them is
// overwritten before it is placed.
class Actions
{
public:
    Actions(const Child::Settings& settings, int out, int err)
    {
        ::posix_spawn_file_actions_init(&actions_);
        std::vector<int> wanted{settings.input, out, err};
        wanted.insert(wanted.end(), settings.fds.begin(), settings.fds.end());
        const int count = static_cast<int>(wanted.size());
        for (int target = 0; target < count; ++target)
            place(wanted[static_cast<std::size_t>(target)], target);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, count);
        if (!settings.cwd.empty())
            ::posix_spawn_file_actions_addchdir_np(&actions_, settings.cwd.c_str());
    }
    ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    void place(int source, int target)
    {
        if (source < 0) {
            ::posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", O_RDONLY, 0);
            return;
        }
        high_.emplace_back(os::adopt, ::fcntl(source, F_DUPFD_CLOEXEC, 100));
        ::posix_spawn_file_actions_adddup2(&actions_, high_.back().get(), target);
    }
    posix_spawn_file_actions_t actions_{};
    std::vector<os::UniqueFd> high_;
};

Ended ended_from(int status)
{
    return WIFEXITED(status) ? Ended{WEXITSTATUS(status), 0} : Ended{-1, WTERMSIG(status)};
}

} // namespace

Child::Child(const Words& argv, const Settings& settings)
    : out_{memory_file("out")}, err_{memory_file("err")}
{
    const Actions actions{settings, out_.get(), settings.err < 0 ? err_.get() : settings.err};
    const Words env = environment(settings.env);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // A group of its own: a test that signals groups never hits the test itself.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int error = ::posix_spawnp(&pid_, argv.at(0).c_str(), actions.get(), &attributes,
                                     pointers(argv).data(), pointers(env).data());
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0)
        throw std::runtime_error("cannot start " + argv[0] + ": " + std::strerror(error));
    expect_child(pid_);
}

Child::~Child()
{
    if (running()) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        forget_child(pid_);
    }
}

bool Child::running()
{
    int status = 0;
    if (ended_ || ::waitpid(pid_, &status, WNOHANG) != pid_)
        return !ended_;
    forget_child(pid_);
    ended_ = ended_from(status);
    return false;
}

std::optional<Ended> Child::wait(Milliseconds within)
{
    (void)eventually(within, [&] { return !running(); });
    return ended_;
}

void Child::signal(int number)
{
    if (running())
        ::kill(pid_, number);
}

std::string Child::out() const
{
    return contents(out_.borrow());
}

std::string Child::err() const
{
    return contents(err_.borrow());
}

Ran run(const Words& argv, const Child::Settings& settings, Milliseconds within)
{
    Child child{argv, settings};
    const auto ended = child.wait(within);
    if (!ended) {
        std::ostringstream line;
        for (const std::string& word : argv)
            line << word << ' ';
        throw std::runtime_error("did not end in time: " + line.str() + "\n" + child.out() +
                                 child.err());
    }
    return {ended->signal ? 128 + ended->signal : ended->exit, child.out(), child.err()};
}

Words words(const std::string& line)
{
    std::istringstream text{line};
    Words result;
    for (std::string word; text >> word;)
        result.push_back(word);
    return result;
}

} // namespace ostler::test
