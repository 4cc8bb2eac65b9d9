#!/bin/sh
exec node "$(dirname "$0")/ledger_backup.mjs"
