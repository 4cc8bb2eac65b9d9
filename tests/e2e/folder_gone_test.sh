#!/bin/sh
exec node "$(dirname "$0")/folder_gone.mjs" "$@"
