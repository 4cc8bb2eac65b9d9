#!/bin/sh
exec node "$(dirname "$0")/repair.mjs"
