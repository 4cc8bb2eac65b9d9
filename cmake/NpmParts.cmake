# Sees to it that the parts from npm are there, and again whenever the lock changes.
include(FetchNpmParts)
set(BOATHOUSE_SQLITE_DIR "${PROJECT_SOURCE_DIR}/node_modules/better-sqlite3/deps/sqlite3" CACHE PATH
    "Folder with sqlite3.c and sqlite3.h; another than the default one needs no npm when BOATHOUSE_SERVER is OFF")

if(BOATHOUSE_SERVER OR NOT EXISTS "${BOATHOUSE_SQLITE_DIR}/sqlite3.c")
  boathouse_fetch_npm_parts("${PROJECT_SOURCE_DIR}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/package-lock.json")
endif()
