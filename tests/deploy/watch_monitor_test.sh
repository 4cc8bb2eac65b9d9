#!/bin/sh
exec node "$(dirname "$0")/watch_monitor.mjs"
