#!/bin/sh
exec node "$(dirname "$0")/limits_and_log.mjs"
