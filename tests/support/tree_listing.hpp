// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iomanip>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace deputyd::test
{

/// What is in a directory tree, a line each: name, type and mode in octal, owner, group, device or link
/// target.
using tree_listing = std::set<std::string>;

inline tree_listing list_tree(const std::filesystem::path &top)
{
    namespace fs = std::filesystem;
    tree_listing all;
    for (const auto &entry : fs::recursive_directory_iterator(top)) {
        struct stat st {
        };
        if (::lstat(entry.path().c_str(), &st) != 0) {
            continue;
        }
        std::ostringstream line;
        line << fs::path(entry.path()).lexically_relative(top).string() << ' ' << std::oct << st.st_mode
             << std::dec << ' ' << st.st_uid << ' ' << st.st_gid;
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
            line << ' ' << major(st.st_rdev) << ':' << minor(st.st_rdev);
        } else if (S_ISLNK(st.st_mode)) {
            line << ' ' << fs::read_symlink(entry.path()).string();
        }
        all.insert(line.str());
    }
    return all;
}

inline void write_listing(const tree_listing &listing, const std::filesystem::path &file)
{
    std::ofstream out(file);
    for (const auto &line : listing) {
        out << line << '\n';
    }
}

inline tree_listing read_listing(const std::filesystem::path &file)
{
    std::ifstream in(file);
    tree_listing all;
    for (std::string line; std::getline(in, line);) {
        all.insert(line);
    }
    return all;
}

} // namespace deputyd::test
