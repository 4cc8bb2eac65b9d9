#!/bin/sh
exec node "$(dirname "$0")/clickhouse_client.mjs"
