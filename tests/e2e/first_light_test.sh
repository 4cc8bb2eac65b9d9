#!/bin/sh
exec node "$(dirname "$0")/first_light.mjs"
