# SPDX-License-Identifier: Apache-2.0
# deputy_add_plugin(NAME SOURCE...): a plugin named NAME.so that exports its entry point alone.
# Installed with the SDK too.
include_guard(GLOBAL)
set(DEPUTY_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/deputy_plugin.map)

function(deputy_add_plugin name)
    add_library(${name} MODULE ${ARGN})
    target_link_libraries(${name} PRIVATE deputy::plugin)
    target_link_options(${name} PRIVATE -Wl,--version-script=${DEPUTY_PLUGIN_VERSION_SCRIPT})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
    endif()
    set_target_properties(${name} PROPERTIES PREFIX "" NO_SONAME ON
        C_STANDARD 11 CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    set_property(GLOBAL APPEND PROPERTY DEPUTY_PLUGINS ${name})
endfunction()

# deputy_install_plugin(NAME [DIRECTORY]): into DEPUTY_PLUGIN_DIR or DIRECTORY, mode 0644: it is no program.
function(deputy_install_plugin name)
    set(directory ${DEPUTY_PLUGIN_DIR})
    if(ARGC GREATER 1)
        set(directory ${ARGV1})
    endif()
    install(TARGETS ${name} LIBRARY DESTINATION ${directory} COMPONENT runtime
        PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()
