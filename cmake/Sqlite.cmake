# Target sqlite3: the amalgamation that npm's better-sqlite3 carries. Debian's own 3.40.1 has the WAL-reset bug that
# 3.51.3 mended, and two SQLites in one process would break each other's file locks.
if(NOT EXISTS "${BOATHOUSE_SQLITE_DIR}/sqlite3.c")
  message(FATAL_ERROR "no sqlite3.c in ${BOATHOUSE_SQLITE_DIR}: remove node_modules and configure again")
endif()
file(STRINGS "${BOATHOUSE_SQLITE_DIR}/sqlite3.h" sqlite_version REGEX "^#define SQLITE_VERSION +\"")
string(REGEX MATCH "[0-9.]+" sqlite_version "${sqlite_version}")
if(sqlite_version VERSION_LESS 3.51.3)
  message(FATAL_ERROR "SQLite ${sqlite_version} in ${BOATHOUSE_SQLITE_DIR} has the WAL-reset bug; 3.51.3 or later is needed")
endif()

add_library(sqlite3 STATIC "${BOATHOUSE_SQLITE_DIR}/sqlite3.c")
set_target_properties(sqlite3 PROPERTIES UNITY_BUILD OFF)  # not ours
target_include_directories(sqlite3 SYSTEM INTERFACE "${BOATHOUSE_SQLITE_DIR}")
target_compile_definitions(sqlite3 PRIVATE
    SQLITE_THREADSAFE=1
    SQLITE_DQS=0                      # "x" is never a string
    SQLITE_DEFAULT_MEMSTATUS=0
    SQLITE_DEFAULT_FOREIGN_KEYS=1
    SQLITE_LIKE_DOESNT_MATCH_BLOBS
    SQLITE_MAX_EXPR_DEPTH=1000
    SQLITE_TRUSTED_SCHEMA=0
    SQLITE_USE_URI=0
    SQLITE_OMIT_DEPRECATED
    SQLITE_OMIT_LOAD_EXTENSION
    SQLITE_OMIT_SHARED_CACHE
    SQLITE_OMIT_TCL_VARIABLE
    HAVE_USLEEP=1)
# Quiet, and optimised by the C flags of every preset. SQLite reads its shared WAL index without locks on purpose and checks a sum over it
# (tag-20200519-1 in its source), which TSan would report; its mutexes are still seen.
target_compile_options(sqlite3 PRIVATE -w -fno-sanitize=undefined,thread)
target_link_libraries(sqlite3 PUBLIC Threads::Threads m)
