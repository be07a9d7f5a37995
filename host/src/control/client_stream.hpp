// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include <httplib.h>

namespace deputyd
{

/// A connection of a client that may mean ill: its request has to be there in time as a whole, however it is
/// sent, and an answer to be read in time. One thread; blocks it no longer than that.
class client_stream final : public httplib::Stream
{
public:
    static constexpr auto request_time = std::chrono::seconds(2); ///< until its last byte
    /// Bytes, its headers among them. The library takes some of them apart by recursion, on a thread's stack.
    static constexpr std::size_t most_of_a_request = 4096;
    static constexpr auto answer_time = std::chrono::seconds(10); ///< to read all of it

    /// @param fd borrowed; its time begins.
    explicit client_stream(int fd) noexcept : fd_(fd), request_by_(clock::now() + request_time) {}

    /// The answer has no end: the time is for each piece of it.
    void goes_on() noexcept { endless_ = true; }

    bool is_readable() const override;
    bool is_writable() const override;
    /// @return -1 if the time is over, or it is too long.
    ssize_t read(char *to, std::size_t size) override;
    ssize_t write(const char *from, std::size_t size) override;
    /// Nobody asks who it is: a mode or an address says who may connect.
    void get_remote_ip_and_port(std::string &, int &) const override {}
    void get_local_ip_and_port(std::string &, int &) const override {}
    int socket() const override { return fd_; }

private:
    using clock = std::chrono::steady_clock;
    bool wait(short events, clock::time_point until) const noexcept;
    clock::time_point answer_by() const noexcept;

    const int fd_;
    const clock::time_point request_by_;
    std::optional<clock::time_point> answered_by_; ///< once the answer has begun
    bool endless_ = false;
    std::size_t allowed_ = most_of_a_request;
    // Read and not taken: httplib asks for one byte at a time.
    std::array<char, 4096> buffer_;
    std::size_t begin_ = 0, end_ = 0;
};

} // namespace deputyd
