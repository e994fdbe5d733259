#!/usr/bin/env bash
# Campaigns of 10,000 mails, counted where they arrive, while what sends them is killed (kill -9), asked to stop, doubled,
# paused and resumed; on PostgreSQL with Redis also while Redis is emptied and gone, and while PostgreSQL is killed and started
# again. On SQLite with `klaar serve`; on PostgreSQL with `klaar serve --no-worker` and `klaar-worker`. Prints one JSON object
# a line; what the cases are: tests/examples/fault_campaign.
#
#   tests/drivers/faults/campaign.sh    KLAAR, KLAAR_WORKER, FAULT_CAMPAIGN: the programs (default: target/release)
#                                       CASES: hard, orderly, two_workers, pauses, redis, postgres; DATABASES: sqlite, postgres
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/faults/campaigns.sh
. tests/drivers/faults/campaigns.sh

# All cases on one database, in seconds: the hard kills wait for twenty leases of 30.
run_all campaign 3600
