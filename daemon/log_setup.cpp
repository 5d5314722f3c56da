// SPDX-License-Identifier: MIT
#include "daemon/log_setup.hpp"

#include <cstdlib>
#include <memory>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "systemd/journal.hpp"

namespace ostler
{
namespace
{

class Formatter : public spdlog::formatter
{
public:
    explicit Formatter(LogLook look) : look_{look} {}
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override
    {
        const LogEntry entry{message.time,
                             severity(message.level),
                             {message.payload.data(), message.payload.size()}};
        const auto text = log_line(look_, entry);
        line.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override
    {
        return std::make_unique<Formatter>(look_);
    }

private:
    static Severity severity(spdlog::level::level_enum level)
    {
        static_assert(static_cast<int>(Severity::critical) == spdlog::level::critical);
        return static_cast<Severity>(level); // the same six, in the same order
    }
    LogLook look_;
};

spdlog::level::level_enum threshold(config::LogLevel level)
{
    static_assert(static_cast<int>(config::LogLevel::error) == spdlog::level::err);
    return static_cast<spdlog::level::level_enum>(level); // ours end at error
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
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>(); // helper threads may log too
    sink->set_formatter(std::make_unique<Formatter>(choose_look(log.format)));
    auto logger = std::make_shared<spdlog::logger>("ostler", std::move(sink));
    logger->set_level(threshold(log.level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace ostler
