#!/bin/sh
exec node "$(dirname "$0")/cluster.mjs"
