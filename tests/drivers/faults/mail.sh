#!/usr/bin/env bash
# Campaigns by a real Postfix into Maildirs, to addresses that are good, to some that nobody has, and to some whose mailbox is full,
# and what comes back read from a real Dovecot by IMAP over TLS: with a signed return path, and by Message-ID alone. Every good
# address has one mail in its Maildir, every unknown one came back for good, every full one for now. On SQLite with `klaar serve`; on
# PostgreSQL and Redis with `klaar serve --no-worker` and `klaar-worker`. Prints one JSON object a line; what the cases are:
# tests/examples/fault_campaign/mail.rs. Needs root, which Postfix insists on.
#
#   tests/drivers/faults/mail.sh        KLAAR, KLAAR_WORKER, FAULT_CAMPAIGN: the programs (default: target/release)
#                                       DATABASES: sqlite, postgres; MAIL_USERS: addresses of each kind
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/faults/campaigns.sh
. tests/drivers/faults/campaigns.sh
# shellcheck source=tests/drivers/mail_server.sh
. tests/drivers/mail_server.sh

in_group tests/drivers/install mail >&2
find_mail
MAIL_USERS=${MAIL_USERS:-200}
start_mail_server {good,unknown,full}{1,2}.example
MORE=(MAIL_SMTP_PORT="$MAIL_SMTP_PORT" MAIL_IMAPS_PORT="$MAIL_IMAPS_PORT" MAIL_DIRS="$MAIL_DIRS" MAIL_ROOTS="$MAIL_ROOTS" MAIL_USERS="$MAIL_USERS")

# Both cases on one database, in seconds.
run_all mail 600
