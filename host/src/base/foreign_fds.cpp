// SPDX-License-Identifier: Apache-2.0
#include "base/foreign_fds.hpp"

#include <atomic>
#include <csignal>
#include <memory>
#include <system_error>
#include <thread>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

constexpr int most_threads = 64;
std::atomic<int> threads{0};

void keep_open(std::vector<deputy::unique_fd> &fds)
{
    for (auto &fd : fds) {
        (void)fd.release();
    }
    log().warn("{} descriptors of strangers stay open: closing earlier ones hangs", fds.size());
}

} // namespace

void close_foreign(std::vector<deputy::unique_fd> fds)
{
    if (fds.empty()) {
        return;
    }
    if (threads.fetch_add(1) >= most_threads) {
        threads.fetch_sub(1);
        keep_open(fds);
        return;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    auto shared = std::make_shared<std::vector<deputy::unique_fd>>(std::move(fds));
    try {
        std::thread([shared] {
            shared->clear();
            threads.fetch_sub(1);
        }).detach();
    } catch (const std::system_error &) {
        threads.fetch_sub(1);
        keep_open(*shared);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace deputyd
