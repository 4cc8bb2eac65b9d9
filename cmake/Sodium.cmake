# Target sodium::sodium from Debian's libsodium-dev, which carries no CMake file.
find_path(BOATHOUSE_SODIUM_INCLUDE sodium.h REQUIRED)
find_library(BOATHOUSE_SODIUM_LIBRARY sodium REQUIRED)
add_library(sodium::sodium UNKNOWN IMPORTED)
set_target_properties(sodium::sodium PROPERTIES
    IMPORTED_LOCATION "${BOATHOUSE_SODIUM_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${BOATHOUSE_SODIUM_INCLUDE}")
