// SPDX-License-Identifier: MIT
#include "tests/support/load.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "tests/support/load_engine.hpp"

namespace ostler::test
{

Load::Load(const Endpoint& server, const Settings& settings)
    : server_{server}, settings_{settings}, thread_{&Load::work, this}
{
}

Load::~Load()
{
    ending_ = true;
    if (thread_.joinable())
        thread_.join();
}

void Load::work()
{
    LoadEngine engine{server_, settings_, [this](const Fate& fate) {
                          fates_.push_back(fate);
                          ++(fate.error == 0 ? answered_ : failed_);
                      }};
    engine.run([this] { return ending_.load(); });
}

bool Load::flows(std::uint64_t more) const
{
    const std::uint64_t wanted = answered_ + more;
    return eventually([&] { return answered_ >= wanted; });
}

std::vector<Fate> Load::finish()
{
    ending_ = true;
    thread_.join();
    return std::move(fates_);
}

std::vector<Fate> failures(const std::vector<Fate>& fates)
{
    std::vector<Fate> result;
    std::copy_if(fates.begin(), fates.end(), std::back_inserter(result),
                 [](const Fate& fate) { return fate.error != 0; });
    return result;
}

std::map<std::uint64_t, std::size_t> shares(const std::vector<Fate>& fates)
{
    std::map<std::uint64_t, std::size_t> result;
    for (const Fate& fate : fates)
        if (fate.error == 0)
            ++result[fate.worker];
    return result;
}

std::string describe(const std::vector<Fate>& failed)
{
    std::ostringstream text;
    text << failed.size() << " failed";
    for (std::size_t i = 0; i < std::min<std::size_t>(failed.size(), 5); ++i)
        text << "; request " << failed[i].id << " from port " << failed[i].port << " after "
             << failed[i].took().count() << " ms: " << std::strerror(failed[i].error);
    return text.str();
}

} // namespace ostler::test
