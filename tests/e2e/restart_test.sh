#!/bin/sh
exec node "$(dirname "$0")/restart.mjs"
