#!/bin/sh
exec node "$(dirname "$0")/recovery.mjs"
