#!/bin/sh
exec node "$(dirname "$0")/rights.mjs"
