// A loop over tasks in threads that end with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

// Call task(i) for i in 0..count-1, in at most `threads` threads.
template <class Task> void parallel(int64_t count, int64_t threads, const Task& task) {
    if (threads > count) threads = count;
    if (threads <= 1) {
        for (int64_t i = 0; i < count; ++i) task(i);
        return;
    }
    std::atomic<int64_t> next(0);
    const auto work = [&] {
        for (int64_t i; (i = next++) < count;) task(i);
    };
    std::vector<std::thread> others;
    for (int64_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (auto& other : others) other.join();
}
