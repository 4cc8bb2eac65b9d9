# Target chdb: libchdb.so where npm put it. It has 566 MB: linked with a run path, copied by an installation alone.
set(chdb_library "${PROJECT_SOURCE_DIR}/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
if(NOT EXISTS "${chdb_library}")
  message(FATAL_ERROR "no ${chdb_library}: remove node_modules and configure again (Linux on x86-64 only)")
endif()
add_library(chdb SHARED IMPORTED)
set_target_properties(chdb PROPERTIES IMPORTED_LOCATION "${chdb_library}" IMPORTED_NO_SONAME TRUE)
