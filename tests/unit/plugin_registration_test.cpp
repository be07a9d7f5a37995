// SPDX-License-Identifier: Apache-2.0
// What a handler says of itself when it is registered.
#include <cerrno>
#include <gtest/gtest.h>

#include "plugin/loaded_plugin.hpp"

namespace
{

/// Registers one handler, which the test chooses.
class plugin_registration : public testing::Test
{
protected:
    deputy_handler given_{.struct_size = sizeof(deputy_handler),
                          .predicate_count = 0,
                          .syscall = "getppid",
                          .predicates = nullptr,
                          .handle = [](void *, deputy_call *, const deputy_syscall *,
                                       deputy_answer *) -> deputy_verdict { return DEPUTY_PASS; },
                          .undo = nullptr,
                          .off_error = 0,
                          .reserved = 0};

    void load()
    {
        deputy_plugin_v1 description{};
        description.struct_size = sizeof description;
        description.create = [](const deputy_host *, void **ret) {
            *ret = test_;
            return 0;
        };
        description.register_handlers = [](void *plugin, const deputy_registrar *registrar) {
            return registrar->add(registrar->context, &static_cast<plugin_registration *>(plugin)->given_);
        };
        description.destroy = [](void *) {};
        test_ = this;
        plugin_ = std::make_unique<deputyd::loaded_plugin>(
            deputyd::manifest{
                DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_ABI_MINOR, 0, "one", "1", {"getppid"}},
            description, std::span<const deputyd::extension>{});
    }

    std::unique_ptr<deputyd::loaded_plugin> plugin_;

private:
    static inline plugin_registration *test_ = nullptr;
};

TEST_F(plugin_registration, keeps_the_errno_for_calls_while_the_handler_is_off)
{
    for (const std::uint32_t error : {0U, std::uint32_t{ENOSYS}, 4095U}) {
        given_.off_error = error;
        load();
        EXPECT_EQ(plugin_->handlers()[0]->off_error, error);
    }
}

TEST_F(plugin_registration, refuses_an_off_error_that_is_no_errno)
{
    for (const std::uint32_t error : {4096U, static_cast<std::uint32_t>(-EPERM)}) {
        given_.off_error = error;
        EXPECT_THROW(load(), std::runtime_error) << error;
    }
}

TEST_F(plugin_registration, refuses_reserved_bits)
{
    given_.reserved = 1;
    EXPECT_THROW(load(), std::runtime_error);
}

TEST_F(plugin_registration, takes_what_an_older_struct_lacks_as_zero)
{
    given_.struct_size = offsetof(deputy_handler, off_error);
    given_.off_error = ENOSYS;
    given_.reserved = 1;
    load();
    EXPECT_EQ(plugin_->handlers()[0]->off_error, 0U);
}

} // namespace
