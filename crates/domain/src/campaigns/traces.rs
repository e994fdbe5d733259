//! The trace that a mail about Peppol leaves on the client: when it was last informed, for the card, its history and the lists.

use diesel::prelude::*;

use super::model::{Campaign, State};
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::audit::Event;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::schema::campaign_recipients as recipients;

/// Clients that are noted in one transaction.
const AT_ONCE: i64 = 10_000;

/// Notes on the clients that got a campaign's mail that they were informed. Returns whether there are more of them.
pub(super) fn note(tx: &mut Tx<'_>, practice: &Practice, campaign: &Campaign) -> Result<bool> {
    if !campaign.informs {
        return Ok(false);
    }
    let untraced = recipients::campaign_key
        .eq(campaign.key)
        .and(recipients::status.eq(State::Sent.as_str()))
        .and(recipients::is_traced.eq(false));
    let keys: Vec<i64> = recipients::table
        .filter(untraced)
        .order(recipients::client_key)
        .limit(AT_ONCE)
        .select(recipients::client_key)
        .load(&mut **tx)?;
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(false) };
    // Nobody but this job traces, so that all between the first and the last are those that were read, but for those whose mail
    // came back meanwhile; whoever takes that down waits for these rows.
    let traced = recipients::table.filter(untraced).filter(recipients::client_key.between(*first, *last));
    let traced: Vec<i64> = diesel::update(traced)
        .set(recipients::is_traced.eq(true))
        .returning(recipients::client_key)
        .get_results(&mut **tx)?;
    let operation = campaign.operation.map(|operation| operation.0);
    let event = Event { operation, ..Event::new("clients.informed", "campaign").on(campaign.id) };
    let set = door::open(tx, practice, &campaign.actor, event)?;
    set.write_informed(tx, &traced)?;
    Ok(i64::try_from(keys.len()).unwrap_or(AT_ONCE) >= AT_ONCE)
}
