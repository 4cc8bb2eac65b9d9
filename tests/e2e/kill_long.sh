#!/bin/sh
exec node "$(dirname "$0")/kill.mjs" 200
