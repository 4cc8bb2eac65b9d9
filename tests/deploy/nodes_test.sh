#!/bin/sh
exec node "$(dirname "$0")/nodes.mjs"
