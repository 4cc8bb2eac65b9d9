#!/bin/sh
exec node "$(dirname "$0")/put_back.mjs"
