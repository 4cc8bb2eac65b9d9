#!/bin/sh
exec node "$(dirname "$0")/runbook_statements.mjs"
