#!/bin/sh
exec node "$(dirname "$0")/retention.mjs"
