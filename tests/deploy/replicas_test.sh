#!/bin/sh
exec node "$(dirname "$0")/replicas.mjs"
