// SPDX-License-Identifier: MIT
#include "daemon/worker_files.hpp"

#include <system_error>
#include <thread>
#include <utility>

#include "daemon/binding.hpp"

namespace ostler
{
namespace
{

// What the errand has made. Dropped on the way, its file stays: nobody here may remove it.
struct Made {
    os::Result<os::BoundSocket> bound = os::error_from(EAGAIN);
    Made() = default;
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made()
    {
        if (bound)
            bound->file.keep();
    }
};

// On a thread that ends with it, as its rights do. The error says why the work was not done.
os::Error as_user(const os::FileUser& user, const std::function<void()>& work)
try {
    os::Error error;
    std::thread{[&] {
        if (const auto acting = os::act_as(user); acting)
            work();
        else
            error = acting.error();
    }}.join();
    return error;
} catch (const std::system_error& failed) {
    return os::error_from(failed.code().value());
}

} // namespace

void WorkerFiles::bind(const config::Socket& socket, const os::FileUser& user,
                       SocketListener::Rebound made)
{
    auto result = std::make_shared<Made>();
    const std::string path = socket.listen.path;
    auto done = [this, result, path, user, made = std::move(made)](os::Error error) {
        if (error || !result->bound)
            return made(error ? error : result->bound.error());
        auto file = removing(std::move(result->bound->file), path, user);
        made(SocketListener::Bound{std::move(result->bound->fd), std::move(file)});
    };
    add(path, {[result, socket] { result->bound = bind_plainly(socket); }, std::move(done), user});
}

std::shared_ptr<os::UnixFile> WorkerFiles::removing(os::UnixFile file, std::string path,
                                                    const os::FileUser& user)
{
    const auto remove = [this, path = std::move(path), user](os::UnixFile* gone) {
        const std::shared_ptr<os::UnixFile> kept{gone, [](os::UnixFile* unmoved) {
                                                     unmoved->keep(); // never with our rights
                                                     delete unmoved;
                                                 }};
        add(path, {[kept] { kept->remove(); }, [](os::Error) {}, user});
    };
    return {new os::UnixFile{std::move(file)}, remove};
}

void WorkerFiles::add(const std::string& path, Errand errand)
{
    auto& waiting = errands_[path];
    waiting.push_back(std::move(errand));
    if (waiting.size() == 1)
        begin(path);
}

void WorkerFiles::begin(const std::string& path)
{
    const Errand& errand = errands_.at(path).front();
    off_loop_.call([work = errand.work, user = errand.user] { return as_user(user, work); },
                   alive_.guard([this, path](os::Error error) { end(path, error); }));
}

void WorkerFiles::end(const std::string& path, os::Error error)
{
    auto& waiting = errands_.at(path);
    const auto done = std::move(waiting.front().done);
    waiting.pop_front();
    if (waiting.empty())
        errands_.erase(path);
    else
        begin(path);
    done(error);
}

} // namespace ostler
