# SPDX-License-Identifier: Apache-2.0
# deputy_add_man_page(NAME.SECTION.md [COMPONENT C]): a man page from Markdown, where pandoc is there.
include_guard(GLOBAL)
find_program(PANDOC pandoc)
if(NOT PANDOC)
    message(STATUS "pandoc is missing: man pages are not built")
endif()

function(deputy_add_man_page source)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" COMPONENT "")
    if(NOT PANDOC)
        return()
    endif()
    if(NOT arg_COMPONENT)
        set(arg_COMPONENT runtime)
    endif()
    cmake_path(GET source STEM LAST_ONLY page)
    cmake_path(GET page EXTENSION LAST_ONLY section)
    string(SUBSTRING ${section} 1 -1 section)
    add_custom_command(OUTPUT ${page} DEPENDS ${source}
        COMMAND ${PANDOC} --standalone --from markdown-smart --to man --metadata footer="deputy ${PROJECT_VERSION}"
            --output ${page} ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    add_custom_target(man_${page} ALL DEPENDS ${page})
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section}
        COMPONENT ${arg_COMPONENT})
endfunction()
