#!/bin/sh
exec node "$(dirname "$0")/one_box.mjs"
