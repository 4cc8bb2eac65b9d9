#!/bin/sh
exec node "$(dirname "$0")/page_story.mjs"
