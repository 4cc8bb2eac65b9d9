#!/bin/sh
exec node "$(dirname "$0")/bad_input.mjs"
