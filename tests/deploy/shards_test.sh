#!/bin/sh
exec node "$(dirname "$0")/shards.mjs"
