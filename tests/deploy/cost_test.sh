#!/bin/sh
exec node "$(dirname "$0")/cost.mjs"
