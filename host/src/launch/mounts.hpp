// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Makes a mount of a new file system that is attached nowhere yet. Its superblock belongs to the user
/// namespace of the process, which decides whether device nodes on it can be opened.
/// @throw std::runtime_error.
deputy::unique_fd new_mount(const char *type,
                            std::initializer_list<std::pair<const char *, std::string>> options = {});

/// Clones the mount at path, private, with its submounts or without. @throw std::runtime_error.
deputy::unique_fd clone_mount(const std::string &path, bool recursive);

/// Maps the ids of a cloned mount by a user namespace.
/// @return false where its file system does not support that. @throw std::runtime_error.
bool map_ids(int mount, int user_ns, bool recursive);

/// Makes a cloned mount read-only. @throw std::runtime_error.
void make_read_only(int mount, bool recursive);

/// Opens a path inside root, also through absolute links, as O_PATH. @return no descriptor if it cannot.
deputy::unique_fd open_inside(int root, const std::string &path);

/// Attaches a mount at path inside root. @throw std::runtime_error.
void attach(int mount, int root, const std::string &path);

/// Makes an attached-nowhere mount the root of the process's mount namespace and forgets the old tree.
/// @throw std::runtime_error.
void become_root(int mount);

} // namespace deputyd
