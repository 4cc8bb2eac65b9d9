#!/bin/sh
exec node "$(dirname "$0")/two_devices.mjs"
