#!/bin/sh
exec node "$(dirname "$0")/postgres_trouble.mjs"
