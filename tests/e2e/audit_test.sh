#!/bin/sh
exec node "$(dirname "$0")/audit.mjs"
