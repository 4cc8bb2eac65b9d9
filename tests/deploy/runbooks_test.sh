#!/bin/sh
exec node "$(dirname "$0")/runbooks.mjs"
