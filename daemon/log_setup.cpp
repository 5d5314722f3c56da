// SPDX-License-Identifier: MIT
#include "daemon/log_setup.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "daemon/log_writer.hpp"
#include "systemd/journal.hpp"

namespace ostler
{
namespace
{

using namespace std::chrono_literals;

constexpr auto last_words = 1s; // are waited for at the end

Severity severity(spdlog::level::level_enum level)
{
    static_assert(static_cast<int>(Severity::critical) == spdlog::level::critical);
    return static_cast<Severity>(level); // the same six, in the same order
}

std::string lost_line(LogLook look, std::uint64_t lost)
{
    const std::string sentence = std::to_string(lost) + " log lines were lost: stderr was not read";
    return log_line(look, {std::chrono::system_clock::now(), Severity::warn, sentence});
}

class StderrSink final : public spdlog::sinks::base_sink<std::mutex> // helper threads may log too
{
public:
    explicit StderrSink(LogLook look)
        : look_{std::make_shared<std::atomic<LogLook>>(look)},
          writer_{os::FdRef{STDERR_FILENO},
                  [shared = look_](std::uint64_t lost) { return lost_line(*shared, lost); }}
    {
    }
    ~StderrSink() override { writer_.flush(last_words); }
    void look(LogLook look) { *look_ = look; }

private:
    void sink_it_(const spdlog::details::log_msg& message) override
    {
        const LogEntry entry{message.time,
                             severity(message.level),
                             {message.payload.data(), message.payload.size()}};
        writer_.write(log_line(*look_, entry));
    }
    void flush_() override {} // the writer waits for nothing but the next line

    std::shared_ptr<std::atomic<LogLook>> look_; // the writer's thread wants it too
    LogWriter writer_;
};

spdlog::level::level_enum threshold(config::LogLevel level)
{
    static_assert(static_cast<int>(config::LogLevel::error) == spdlog::level::err);
    return static_cast<spdlog::level::level_enum>(level); // ours end at error
}

// That of an earlier call, as long as it is still the one in use.
std::shared_ptr<StderrSink> sink_in_use()
{
    const auto& sinks = spdlog::default_logger_raw()->sinks();
    return sinks.empty() ? nullptr : std::dynamic_pointer_cast<StderrSink>(sinks.front());
}

} // namespace

LogLook choose_look(config::LogFormat format)
{
    if (format == config::LogFormat::json)
        return LogLook::json;
    if (systemd::stderr_leads_to_journal())
        return LogLook::journal;
    const bool coloured = ::isatty(STDERR_FILENO) == 1 && !std::getenv("NO_COLOR");
    return coloured ? LogLook::terminal : LogLook::plain;
}

void setup_log(const config::Log& log)
{
    const LogLook look = choose_look(log.format);
    if (const auto sink = sink_in_use())
        sink->look(look);
    else
        spdlog::set_default_logger(
            std::make_shared<spdlog::logger>("ostler", std::make_shared<StderrSink>(look)));
    spdlog::set_level(threshold(log.level));
}

} // namespace ostler
