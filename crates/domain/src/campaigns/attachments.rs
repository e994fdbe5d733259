//! What campaigns carry: the files that their template had attached when they began, whatever becomes of the template. Files
//! that nobody needs any more are removed here, for it takes both rooms to know.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::model::Campaign;
use super::slices::Slice;
use crate::identity::{self, Practice};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::mail::{Enclosure, encoded_octets, seconds_for};
use crate::on_each;
use crate::schema::{campaign_attachments, campaigns};
use crate::templates::{self, Attachment, AttachmentId};

/// For how long a campaign that is over keeps its files, so that what failed can be sent again: 30 days, in seconds.
const KEPT_AFTER: i64 = 30 * 86_400;
/// After which time a file that no template has may go: a day, in seconds.
const IDLE_AFTER: i64 = 86_400;

/// Notes what a campaign begins with.
pub(super) fn freeze(tx: &mut Tx<'_>, campaign: &Campaign, attachments: &[Attachment]) -> Result<()> {
    for (place, one) in (0..).zip(attachments) {
        let place: i32 = place;
        let row = (
            campaign_attachments::campaign_key.eq(campaign.key),
            campaign_attachments::place.eq(place),
            campaign_attachments::practice_id.eq(campaign.practice),
            campaign_attachments::id.eq(one.id),
            campaign_attachments::name.eq(&one.name),
            campaign_attachments::language.eq(one.language.map(Language::as_str)),
            campaign_attachments::media_type.eq(&one.media_type),
            campaign_attachments::digest.eq(&one.digest),
            campaign_attachments::octets.eq(one.octets),
        );
        on_each!(&mut **tx, c => diesel::insert_into(campaign_attachments::table).values(row).execute(c))?;
    }
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = campaign_attachments)]
struct Row {
    id: AttachmentId,
    name: String,
    language: Option<String>,
    media_type: String,
    digest: Vec<u8>,
    octets: i64,
}

/// What a campaign began with.
pub(super) fn of_campaign(conn: &mut Conn, campaign: &Campaign) -> Result<Vec<Attachment>> {
    let rows: Vec<Row> = campaign_attachments::table
        .filter(campaign_attachments::campaign_key.eq(campaign.key))
        .order(campaign_attachments::place)
        .select(Row::as_select())
        .load(conn)?;
    let read = |row: Row| {
        let language = templates::language_in(row.language.as_deref())?;
        let Row { id, name, media_type, digest, octets, .. } = row;
        Ok(Attachment { id, name, language, media_type, digest, octets })
    };
    rows.into_iter().map(read).collect()
}

/// Looks whether what a campaign began with is still kept, before it runs again.
pub(super) fn still_kept(conn: &mut Conn, campaign: &Campaign) -> Result<()> {
    for one in of_campaign(conn, campaign)? {
        if !templates::is_kept(conn, campaign.practice, &one)? {
            return Err(Error::conflict_with("attachment_gone", vec![("name", one.name)]));
        }
    }
    Ok(())
}

/// What the mails of a slice carry: each file read and encoded once, however many mails it goes with.
#[derive(Default)]
pub(super) struct Carried {
    all: Vec<Attachment>,
    /// Each of them ready to go; `None` for one that is not kept any more.
    ready: Vec<Option<Enclosure>>,
}

impl Carried {
    pub(super) fn of(all: Vec<Attachment>) -> Self {
        Self { all, ready: Vec::new() }
    }

    /// The most octets that a mail carries, as they go over the line.
    fn most_octets(&self) -> i64 {
        let of = |language: Language| templates::carried_octets(&self.all, language);
        Language::ALL.map(of).into_iter().max().map_or(0, encoded_octets)
    }

    /// What a mail in this language carries.
    pub(super) fn with(&self, language: Language) -> Result<Vec<Enclosure>, String> {
        let own = (0..).zip(&self.all).filter(|(_, one)| one.goes_with(language));
        let ready = own.map(|(at, one): (usize, _)| {
            let ready = self.ready.get(at).cloned().flatten();
            ready.ok_or_else(|| format!("the attached file {} is not kept any more", one.name))
        });
        ready.collect()
    }
}

impl Slice {
    /// Whether its mails carry files, which are to be read first.
    #[must_use]
    pub fn carries(&self) -> bool {
        !self.carried.all.is_empty()
    }
}

/// Reads the files that the mails of a slice carry, outside the transaction that began it. Its mails may be longer on their way.
///
/// # Errors
/// When the database refuses.
pub fn carry(conn: &mut Conn, mut slice: Slice) -> Result<Slice> {
    let practice = slice.campaign.practice;
    let read = slice.carried.all.iter().map(|one| templates::enclosure(conn, practice, one));
    slice.carried.ready = read.collect::<Result<_>>()?;
    if slice.carries() {
        // One more for their headers.
        slice.seconds_to_send += seconds_for(slice.carried.most_octets()) + 1;
    }
    Ok(slice)
}

/// Whether a campaign that is not over, or has not been for long, has a file.
fn is_needed(conn: &mut Conn, practice: &Practice, (digest, since): (&[u8], Instant)) -> Result<bool> {
    let needing = campaign_attachments::table
        .inner_join(campaigns::table.on(campaigns::key.eq(campaign_attachments::campaign_key)))
        .filter(campaign_attachments::practice_id.eq(practice.id).and(campaign_attachments::digest.eq(digest)))
        .filter(campaigns::finished_at.is_null().or(campaigns::finished_at.gt(since)));
    Ok(diesel::select(exists(needing)).get_result(conn)?)
}

/// Removes files that no version of a template has and no campaign needs, one in a transaction. Doing it twice does no more
/// than doing it once. Returns how many went. Blocking.
///
/// # Errors
/// When the database is away.
pub fn prune_files(db: &Db) -> Result<usize> {
    let now = db.clock().now();
    let (idle_since, over_since) = (now.plus_seconds(-IDLE_AFTER), now.plus_seconds(-KEPT_AFTER));
    let mut removed = 0;
    for practice in db.read(identity::all_practices)? {
        for digest in db.read(|conn| templates::idle_files(conn, &practice, idle_since))? {
            removed += db.write(|tx| {
                if is_needed(tx, &practice, (&digest, over_since))? {
                    return Ok(0);
                }
                templates::remove_file(tx, &practice, (&digest, idle_since))
            })?;
        }
    }
    Ok(removed)
}
