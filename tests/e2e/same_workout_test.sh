#!/bin/sh
exec node "$(dirname "$0")/same_workout.mjs"
