#!/bin/sh
exec node "$(dirname "$0")/drill.mjs"
