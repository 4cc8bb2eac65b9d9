# Target PostgreSQL::PostgreSQL from Debian's libpq-dev; CMake's own module also asks for the server's headers.
find_path(BOATHOUSE_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(BOATHOUSE_LIBPQ_LIBRARY pq REQUIRED)
add_library(PostgreSQL::PostgreSQL UNKNOWN IMPORTED)
set_target_properties(PostgreSQL::PostgreSQL PROPERTIES
    IMPORTED_LOCATION "${BOATHOUSE_LIBPQ_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${BOATHOUSE_LIBPQ_INCLUDE}")
