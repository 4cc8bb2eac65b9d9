#!/bin/sh
exec node "$(dirname "$0")/reconcile_pages.mjs"
