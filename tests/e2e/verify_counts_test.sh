#!/bin/sh
exec node "$(dirname "$0")/verify_counts.mjs"
