# Fetches the parts that come from npm (SQLite's sources, libchdb, the web pages' parts) when node_modules is missing or older than the lock.
# No package's own script runs. Included by NpmParts.cmake; also a script: cmake -P cmake/FetchNpmParts.cmake [-- FOLDER], FOLDER with a lock
# of its own (deploy/aws).
function(boathouse_fetch_npm_parts root)
  set(lock "${root}/package-lock.json")
  set(installed "${root}/node_modules/.package-lock.json")  # npm writes it last
  # Two configure runs at once must not both replace node_modules.
  file(LOCK "${root}/build/npm.lock" GUARD FUNCTION TIMEOUT 900)
  if(EXISTS "${installed}" AND NOT "${lock}" IS_NEWER_THAN "${installed}")
    return()
  endif()
  find_program(BOATHOUSE_NPM npm)
  if(NOT BOATHOUSE_NPM)
    message(FATAL_ERROR "npm is needed to fetch what package-lock.json names. On Debian: apt-get install npm")
  endif()
  message(STATUS "npm ci --ignore-scripts: fetching the parts that package-lock.json names")
  # Errors only: a package may ask for a newer Node than Debian's, but no Node runs what is taken from it.
  execute_process(COMMAND "${BOATHOUSE_NPM}" ci --ignore-scripts --no-fund --no-audit --loglevel=error
                  WORKING_DIRECTORY "${root}" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "npm ci failed (${failed}); its messages are above")
  endif()
  file(TOUCH "${installed}")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH root)
  math(EXPR last "${CMAKE_ARGC} - 1")
  math(EXPR before "${CMAKE_ARGC} - 2")
  if(CMAKE_ARGV${before} STREQUAL "--")
    set(root "${CMAKE_ARGV${last}}")
  endif()
  boathouse_fetch_npm_parts("${root}")
endif()
