#!/bin/sh
exec node "$(dirname "$0")/clickhouse.mjs"
