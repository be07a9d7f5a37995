// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_PAGE_END_HPP
#define DEPUTY_TESTING_PAGE_END_HPP

/// @file
/// Structs that end where they say they do.

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/mman.h>
#include <system_error>
#include <type_traits>
#include <unistd.h>

namespace deputy::testing
{

/// A copy of a struct at the end of a page, before one that cannot be touched: who reads or writes past the
/// struct's end, because its own header knows more fields, gets SIGSEGV.
template <class T> class page_end
{
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit page_end(const T &value)
    {
        pages_ = ::mmap(nullptr, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages_ == MAP_FAILED || ::mprotect(end(), page(), PROT_NONE) != 0) {
            throw std::system_error(errno, std::system_category(), "cannot map two pages");
        }
        std::memcpy(get(), &value, sizeof value);
    }
    page_end(const page_end &) = delete;
    page_end &operator=(const page_end &) = delete;
    ~page_end() { ::munmap(pages_, 2 * page()); }

    [[nodiscard]] T *get() const { return reinterpret_cast<T *>(end() - sizeof(T)); }
    T &operator*() const { return *get(); }
    T *operator->() const { return get(); }

private:
    static std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
    [[nodiscard]] std::byte *end() const { return static_cast<std::byte *>(pages_) + page(); }

    void *pages_;
};

} // namespace deputy::testing

#endif
