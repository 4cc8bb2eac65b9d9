#!/bin/sh
exec node "$(dirname "$0")/server_kill.mjs" postgres 20
