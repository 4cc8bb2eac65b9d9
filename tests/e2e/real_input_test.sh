#!/bin/sh
exec node "$(dirname "$0")/real_input.mjs"
