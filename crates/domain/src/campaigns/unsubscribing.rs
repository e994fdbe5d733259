//! Where readers of marketing say that they want no more of it: a link that nobody can make without our key, so that nobody can
//! speak for somebody else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use serde_json::json;
use url::Url;

use super::model::CampaignId;
use super::suppressions::key_of;
use crate::identity::{self, Practice, PracticeId};
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::secrets::Keyring;
use crate::on_each;
use crate::schema::suppressions;

/// What links are sealed for.
const PLACE: &str = "unsubscribing";

/// The link for an address in a campaign of a practice. The page speaks the `language` of the mail's reader (`nl`, `fr`, `de`,
/// `en`), which is not sealed: who changes it reads another language.
///
/// # Errors
/// When it cannot be sealed.
pub fn unsubscribe_link(
    keyring: &Keyring,
    base: &Url,
    (practice, campaign, address): (PracticeId, CampaignId, &str),
    language: &str,
) -> Result<String> {
    let sealed = keyring.seal(PLACE, &serde_json::to_vec(&(practice, campaign, address))?)?;
    let base = base.as_str().trim_end_matches('/');
    Ok(format!("{base}/unsubscribe?token={}&language={language}", URL_SAFE_NO_PAD.encode(sealed)))
}

/// Who a link stands for: the practice that wrote, in which campaign, and the address that it wrote to.
///
/// # Errors
/// [`Error::NotFound`] for a link that is none of ours.
pub fn unsubscribing(conn: &mut Conn, keyring: &Keyring, token: &str) -> Result<(Practice, CampaignId, String)> {
    let unknown = || Error::NotFound("link");
    let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| unknown())?;
    let plain = keyring.open(PLACE, &sealed).map_err(|_| unknown())?;
    let (practice, campaign, address): (PracticeId, CampaignId, String) = serde_json::from_slice(&plain)?;
    Ok((identity::find_practice(conn, practice)?, campaign, address))
}

/// Has an address get no more marketing of a practice; a second time changes nothing.
///
/// # Errors
/// When the database refuses.
pub fn unsubscribe(tx: &mut Tx<'_>, practice: &Practice, (campaign, address): (CampaignId, &str)) -> Result<()> {
    let actor = Actor::system("reader");
    let row = (
        suppressions::practice_id.eq(practice.id),
        suppressions::address_key.eq(key_of(address)),
        suppressions::address.eq(address),
        suppressions::scope.eq("marketing"),
        suppressions::reason.eq("unsubscribed"),
        suppressions::note.eq(None::<&str>),
        suppressions::actor_kind.eq(actor.kind.as_str()),
        suppressions::actor_id.eq(None::<&str>),
        suppressions::actor_name.eq(&actor.name),
        suppressions::created_at.eq(tx.now()),
    );
    let new = on_each!(&mut **tx, c => diesel::insert_into(suppressions::table).values(row).on_conflict_do_nothing().execute(c))?;
    if new > 0 {
        let said = json!({ "address": address, "scope": "marketing", "campaign": campaign });
        audit::record(tx, practice.uid(), &actor, &Event::new("address.unsubscribed", "page").after(&said))?;
    }
    Ok(())
}
