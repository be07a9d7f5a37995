// SPDX-License-Identifier: Apache-2.0

/// @file
/// A plugin that answers from a thread of its own: one sync(2) for many callers.
///
/// sync() from a container writes out the file systems of the whole host, and a container may have any number
/// of threads that do nothing else. Here their calls are deferred, and one thread runs sync() for all that
/// have asked before it began. A call that comes meanwhile waits for the next one: what its caller wrote
/// before may not have been seen by this one.
///
/// The difference to the kernel: a container with more waiting calls than the host takes (64) gets EAGAIN.
/// Nothing is to be undone when an answer is lost, and sync() asks no privilege.
///
///     deputy run --enable shared_sync -- sync

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include <deputy/plugin.hpp>

namespace
{

class shared_sync
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit shared_sync(deputy::host host) : host_(host) {}

    void register_handlers(deputy::registrar<shared_sync> &registrar)
    {
        registrar.on<&shared_sync::sync>("sync");
    }

    // No thread before ready().
    void ready() { worker_ = std::thread(&shared_sync::work, this); }

    /// A call that still waits is the host's to answer.
    void drain()
    {
        {
            const std::lock_guard hold(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        if (worker_.joinable()) {
            worker_.join();
        }
    }

    deputy::answer sync(deputy::call &call)
    {
        const auto ticket = call.defer();
        if (!ticket) {
            return deputy::answer::failure(ticket.error_number());
        }
        {
            // From here on it may be answered, before this function has returned.
            const std::lock_guard hold(mutex_);
            waiting_.insert(*ticket);
        }
        changed_.notify_all();
        return deputy::answer::deferred();
    }

    /// Nobody waits for this one any more.
    void call_gone(std::uint64_t ticket)
    {
        const std::lock_guard hold(mutex_);
        waiting_.erase(ticket);
    }

private:
    void work()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr); // signals are for the host's threads

        std::unique_lock hold(mutex_);
        while (true) {
            changed_.wait(hold, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) {
                return;
            }
            const auto served = std::exchange(waiting_, {});
            hold.unlock(); // callers come and go while it runs
            ::sync();
            if (host_.log_enabled(DEPUTY_LOG_DEBUG)) {
                host_.log(DEPUTY_LOG_DEBUG, "one sync for " + std::to_string(served.size()) + " calls");
            }
            for (const std::uint64_t ticket : served) {
                // A failure says that the caller has gone, and there is nothing to take back.
                static_cast<void>(host_.complete(ticket, deputy::answer::value(0)));
            }
            hold.lock();
        }
    }

    deputy::host host_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::uint64_t> waiting_; ///< tickets
    bool stopping_ = false;
    std::thread worker_;
};

} // namespace

DEPUTY_PLUGIN(shared_sync, 0,
              "shared_sync\0"
              "1.0\0"
              "sync\0")
