#!/bin/sh
exec node "$(dirname "$0")/files.mjs"
