#!/bin/sh
exec node "$(dirname "$0")/tls.mjs"
