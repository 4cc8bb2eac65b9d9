# Target zstd::zstd from Debian's libzstd-dev, which carries no CMake file.
find_path(BOATHOUSE_ZSTD_INCLUDE zstd.h REQUIRED)
find_library(BOATHOUSE_ZSTD_LIBRARY zstd REQUIRED)
add_library(zstd::zstd UNKNOWN IMPORTED)
set_target_properties(zstd::zstd PROPERTIES
    IMPORTED_LOCATION "${BOATHOUSE_ZSTD_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${BOATHOUSE_ZSTD_INCLUDE}")
