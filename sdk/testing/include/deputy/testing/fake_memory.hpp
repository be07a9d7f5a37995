// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_MEMORY_HPP
#define DEPUTY_TESTING_FAKE_MEMORY_HPP

/// @file
/// The memory of the fake caller.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace deputy::testing
{

/// Mapped ranges, each surrounded by bytes that are not.
class fake_memory
{
public:
    static constexpr std::uint64_t page = 4096;

    /// Maps bytes. @return their address.
    std::uint64_t map(std::vector<std::byte> bytes)
    {
        const std::uint64_t address = next_;
        next_ += (bytes.size() / page + 2) * page;
        ranges_[address] = std::move(bytes);
        return address;
    }
    std::uint64_t map(const void *bytes, std::size_t size)
    {
        const auto *first = static_cast<const std::byte *>(bytes);
        return map(std::vector<std::byte>(first, first + size));
    }
    std::uint64_t map_zeroes(std::size_t size) { return map(std::vector<std::byte>(size)); }
    /// Maps a string with its NUL.
    std::uint64_t map_string(std::string_view text)
    {
        std::vector<std::byte> bytes(text.size() + 1);
        std::memcpy(bytes.data(), text.data(), text.size());
        return map(std::move(bytes));
    }
    template <class T> std::uint64_t map_object(const T &object)
    {
        static_assert(std::is_trivially_copyable_v<T>);
        return map(&object, sizeof object);
    }
    /// Takes all memory from the caller. The next map() returns the address that the first one did.
    void unmap()
    {
        ranges_.clear();
        next_ = first_address;
    }
    /// What is mapped at an address that map() returned.
    std::vector<std::byte> &memory(std::uint64_t address) { return ranges_.at(address); }
    /// @throw std::out_of_range where it is not mapped.
    template <class T> [[nodiscard]] T object(std::uint64_t address, std::size_t offset = 0) const
    {
        T value;
        if (!read(address + offset, &value, sizeof value)) {
            throw std::out_of_range("no such memory in the fake caller");
        }
        return value;
    }

    /// @return false if not all of it is mapped.
    bool read(std::uint64_t address, void *buffer, std::uint64_t size) const
    {
        const std::byte *from = at(address, size);
        if (from != nullptr && size > 0) {
            std::memcpy(buffer, from, size);
        }
        return from != nullptr || size == 0;
    }
    /// @return false if not all of it is mapped; then nothing is written.
    bool write(std::uint64_t address, const void *buffer, std::uint64_t size)
    {
        const std::byte *to = at(address, size);
        if (to != nullptr && size > 0) {
            std::memcpy(const_cast<std::byte *>(to), buffer, size);
        }
        return to != nullptr || size == 0;
    }

private:
    static constexpr std::uint64_t first_address = 0x10000;

    [[nodiscard]] const std::byte *at(std::uint64_t address, std::uint64_t size) const
    {
        auto it = ranges_.upper_bound(address);
        if (it == ranges_.begin()) {
            return nullptr;
        }
        --it;
        const std::uint64_t offset = address - it->first;
        if (offset > it->second.size() || size > it->second.size() - offset) {
            return nullptr;
        }
        return it->second.data() + offset;
    }

    std::map<std::uint64_t, std::vector<std::byte>> ranges_;
    std::uint64_t next_ = first_address;
};

} // namespace deputy::testing

#endif
