#!/usr/bin/env bash
# Campaigns to a mail server that refuses, falls silent, hangs up, drips or speaks no TLS: every mail lands in the state that is
# documented for it, and nobody gets one twice. On SQLite with `klaar serve`; on PostgreSQL and Redis with `klaar serve
# --no-worker` and `klaar-worker`. Prints one JSON object a line; what the cases are: tests/examples/fault_campaign/smtp.rs.
#
#   tests/drivers/faults/smtp.sh        KLAAR, KLAAR_WORKER, FAULT_CAMPAIGN: the programs (default: target/release)
#                                       DATABASES: sqlite, postgres
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/faults/campaigns.sh
. tests/drivers/faults/campaigns.sh

# All cases on one database, in seconds.
run_all smtp 1200
