// SPDX-License-Identifier: Apache-2.0
#include "plugin/setting_defaults.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace deputyd
{
namespace
{

using nlohmann::json;

/// Nested objects that are made from nothing: a schema may refer to itself.
constexpr int deepest = 32;

const json *member(const json &object, const char *key)
{
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? nullptr : &*found;
}

/// What a schema refers to within its document, nullptr if it is no such reference.
const json *referred(const json &root, const json &schema)
{
    const json *reference = member(schema, "$ref");
    if (reference == nullptr || !reference->is_string() ||
        !reference->get_ref<const std::string &>().starts_with('#')) {
        return nullptr;
    }
    try {
        return &root.at(json::json_pointer(reference->get_ref<const std::string &>().substr(1)));
    } catch (const json::exception &) { // no pointer, or to nothing
        return nullptr;
    }
}

const json &target(const json &root, const json &schema)
{
    const json *at = &schema;
    for (int hops = 0; hops < deepest; ++hops) {
        const json *next = referred(root, *at);
        if (next == nullptr) {
            break;
        }
        at = next;
    }
    return *at;
}

void fill(const json &root, const json &reference, json &value, int depth);

bool has_all_required(const json &schema, const json &object)
{
    const json *required = member(schema, "required");
    if (required == nullptr || !required->is_array()) {
        return true;
    }
    for (const json &key : *required) {
        if (key.is_string() && !object.contains(key.get_ref<const std::string &>())) {
            return false;
        }
    }
    return true;
}

void fill_absent(const json &root, const json &reference, json &object, const std::string &key, int depth)
{
    const json &schema = target(root, reference);
    if (const json *value = member(schema, "default")) {
        json made = *value;
        fill(root, schema, made, depth);
        object[key] = std::move(made);
    } else if (depth < deepest && member(schema, "properties") != nullptr) {
        json made = json::object();
        fill(root, schema, made, depth + 1);
        if (!made.empty() && has_all_required(schema, made)) {
            object[key] = std::move(made);
        }
    }
}

void fill_object(const json &root, const json &schema, json &object, int depth)
{
    const json *properties = member(schema, "properties");
    if (const json *others = member(schema, "additionalProperties"); others != nullptr) {
        for (const auto &[key, value] : object.items()) {
            if (properties == nullptr || member(*properties, key.c_str()) == nullptr) {
                fill(root, *others, value, depth);
            }
        }
    }
    if (properties == nullptr || !properties->is_object()) {
        return;
    }
    for (const auto &[key, property] : properties->items()) {
        if (const auto found = object.find(key); found != object.end()) {
            fill(root, property, *found, depth);
        } else {
            fill_absent(root, property, object, key, depth);
        }
    }
}

void fill_list(const json &root, const json &schema, json &list, int depth)
{
    const json *items = member(schema, "items");
    for (std::size_t i = 0; items != nullptr && i < list.size(); ++i) {
        if (!items->is_array()) {
            fill(root, *items, list[i], depth);
        } else if (i < items->size()) {
            fill(root, (*items)[i], list[i], depth);
        }
    }
}

void fill(const json &root, const json &reference, json &value, int depth)
{
    const json &schema = target(root, reference);
    if (value.is_object()) {
        fill_object(root, schema, value, depth);
    } else if (value.is_array()) {
        fill_list(root, schema, value, depth);
    }
}

} // namespace

void fill_in_defaults(const json &schema, json &settings)
{
    fill(schema, schema, settings, 0);
}

} // namespace deputyd
