#!/bin/sh
exec node "$(dirname "$0")/metrics.mjs"
