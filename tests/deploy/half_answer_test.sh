#!/bin/sh
exec node "$(dirname "$0")/half_answer.mjs"
