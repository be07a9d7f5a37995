// SPDX-License-Identifier: Apache-2.0
// Breaks: DEPUTY_TEST_PREDICATE chooses a predicate that is not valid, by number.
#include <deputy/plugin.hpp>

#include <cstdlib>

namespace
{

class wrong_predicates
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit wrong_predicates(deputy::host) {}

    void register_handlers(deputy::registrar<wrong_predicates> &registrar)
    {
        const std::vector<deputy_predicate> all[] = {
            {{6, 32, DEPUTY_OP_EQ, 0, 0, 0}},                 // no such argument
            {{0, 16, DEPUTY_OP_EQ, 0, 0, 0}},                 // no such width
            {{0, 32, 2, 0, 0, 0}},                            // no such comparison
            {{0, 32, DEPUTY_OP_EQ, 1, 0, 0}},                 // reserved
            {{0, 32, DEPUTY_OP_EQ, 0, 1ull << 32, 0}},        // value wider than the parameter
            {{0, 32, DEPUTY_OP_EQ, 0, 0, 1}},                 // mask without masked comparison
            {{0, 32, DEPUTY_OP_MASKED_EQ, 0, 3, 1}},          // can never hold
            {deputy::equals32(0, 1), deputy::equals32(0, 2)}, // the same argument twice
            std::vector<deputy_predicate>(7, deputy_predicate{0, 32, 0, 0, 0, 0}), // too many
        };
        registrar.on<&wrong_predicates::handle>("getppid",
                                                all[std::atoi(std::getenv("DEPUTY_TEST_PREDICATE"))]);
    }
    deputy::answer handle(deputy::call &) { return deputy::answer::value(0); }
};

} // namespace

DEPUTY_PLUGIN(wrong_predicates, 0,
              "wrong_predicates\0"
              "0.1\0"
              "getppid\0")
