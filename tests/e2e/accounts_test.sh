#!/bin/sh
exec node "$(dirname "$0")/accounts.mjs"
