// SPDX-License-Identifier: MIT
// What a worker took, told to a file that outlives it: "taking PID" before it looks, then "taken
// PID PORT" with the client's port, or "none PID". A worker killed right between the two may have
// taken one connection that is not named: its log ends with "taking".
#pragma once

#include <string>
#include <sys/socket.h>

namespace ostler::test
{

class TakenLog
{
public:
    explicit TakenLog(const std::string& path); // empty: tells nobody
    ~TakenLog();
    TakenLog(const TakenLog&) = delete;
    TakenLog& operator=(const TakenLog&) = delete;
    void taking() { say("taking", ""); }
    void taken(const sockaddr_storage& peer);
    void none() { say("none", ""); }

private:
    void say(const char* what, const std::string& more);
    int file_ = -1;
};

} // namespace ostler::test
