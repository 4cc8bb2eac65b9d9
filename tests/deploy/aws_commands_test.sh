#!/bin/sh
set -e
cmake -P "$BOATHOUSE_SOURCE_DIR/cmake/FetchNpmParts.cmake" -- "$BOATHOUSE_SOURCE_DIR/deploy/aws"
exec node "$(dirname "$0")/aws_commands.mjs"
