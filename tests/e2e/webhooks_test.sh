#!/bin/sh
exec node "$(dirname "$0")/webhooks.mjs"
