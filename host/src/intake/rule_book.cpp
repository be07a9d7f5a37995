// SPDX-License-Identifier: Apache-2.0
#include "intake/rule_book.hpp"

#include <algorithm>

namespace deputyd
{

std::shared_ptr<const applied_policy> apply(const std::shared_ptr<const policies> &from,
                                            const std::string &name, const flags_over &over,
                                            const plugin_set &plugins)
{
    auto applied = std::make_shared<applied_policy>();
    applied->from = from;
    applied->is = from->find(name);
    applied->handlers = handler_table(ruled_handlers(*applied->is, over, plugins), applied->is->limits);
    const auto on = handlers_on(applied->handlers);
    for (const auto &plugin : plugins.all()) {
        if (std::any_of(on.begin(), on.end(), [&](const handler *h) { return h->plugin == plugin.get(); })) {
            applied->settings.emplace_back(plugin.get(), plugin_settings(*applied->is, *plugin));
        }
    }
    return applied;
}

std::shared_ptr<const handler_table> handlers_without(const applied_policy &p,
                                                      const std::vector<const loaded_plugin *> &off)
{
    const auto all = p.handlers.all();
    std::vector<ruled_handler> some(all.begin(), all.end());
    for (ruled_handler &h : some) {
        h.on = h.on && std::find(off.begin(), off.end(), h.is->plugin) == off.end();
    }
    return std::make_shared<const handler_table>(std::move(some), p.handlers.limits());
}

rule_book make_rule_book(std::shared_ptr<const policies> rules, std::vector<policy_match> matches,
                         flags_over over, const plugin_set &plugins)
{
    rule_book book;
    book.rules = std::move(rules);
    book.matches = std::move(matches);
    book.over = std::move(over);
    for (const std::string &name : book.rules->names()) {
        book.by_name.emplace(name, apply(book.rules, name, book.over, plugins));
    }
    return book;
}

void make_ready(const rule_book &book)
{
    for (const auto &[name, applied] : book.by_name) {
        for (const auto &[plugin, settings] : applied->settings) {
            if (!plugin->is_ready()) {
                plugin->ready();
            }
        }
    }
}

} // namespace deputyd
