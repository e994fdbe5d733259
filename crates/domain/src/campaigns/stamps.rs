//! What a mail of a campaign carries so that a report about it finds its way back: a stamp that only we can make names campaign
//! and client, in the address that it comes back to and in what it is known by. Whoever gets a mail knows its stamp, so they can
//! report about their own mail and about nobody else's.

use data_encoding::BASE32_NOPAD;
use diesel::prelude::*;

use super::model::{Campaign, CampaignId, FrozenFrom};
use super::queries::Row;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::secrets::Keyring;
use crate::schema::campaigns;

/// What stamps are made for.
const PURPOSE: &str = "mails of campaigns";
/// The longest local part of an address (RFC 5321, 4.5.3.1.1), in octets.
const LONGEST_LOCAL: usize = 64;
/// Octets of a stamp.
const STAMP: usize = 12;

fn stamped(campaign: CampaignId, leader: i64) -> String {
    format!("{campaign}.{leader}")
}

/// In small letters, for many a server does not keep the letters of local parts apart.
fn written(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn read(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()
}

/// What a mail is known by and where it comes back to.
pub(super) struct Marks {
    /// What it is known by (RFC 5322, 3.6.4), without angle brackets; the same however often it is sent.
    pub(super) message_id: String,
    /// Where it comes back to, when not to whom it is from.
    pub(super) return_path: Option<String>,
}

/// Makes the marks of one campaign's mails.
pub(super) struct Marking {
    keyring: Keyring,
    campaign: (i64, CampaignId),
    /// The key that the campaign began with; none in one that began before mails had marks.
    key: Option<String>,
    domain: String,
    return_path: Option<(String, String)>,
}

impl Marking {
    /// For the mails of a campaign, as it began.
    pub(super) fn of(keyring: &Keyring, campaign: &Campaign, from: &FrozenFrom) -> Self {
        let split =
            |address: &str| address.rsplit_once('@').map(|(local, domain)| (local.to_owned(), domain.to_owned()));
        Self {
            keyring: keyring.clone(),
            campaign: (campaign.key, campaign.id),
            key: from.stamp_key.clone(),
            domain: split(&from.address).map_or_else(|| "localhost".to_owned(), |(_, domain)| domain),
            return_path: from.return_path.as_deref().and_then(split),
        }
    }

    /// The marks of the mail that a client leads.
    ///
    /// # Errors
    /// When the key that the campaign began with is gone.
    pub(super) fn marks(&self, leader: i64) -> Result<Marks> {
        let (campaign, domain) = (self.campaign.1, &self.domain);
        let named = stamped(campaign, leader);
        let Some(key) = &self.key else {
            return Ok(Marks { message_id: format!("{named}@{domain}"), return_path: None });
        };
        let stamp = self.keyring.stamp(key, PURPOSE, named.as_bytes())?;
        let return_path = self.return_path.as_ref().and_then(|(local, domain)| {
            let mut token = Vec::with_capacity(2 * 10 + STAMP);
            number(self.campaign.0, &mut token);
            number(leader, &mut token);
            token.extend_from_slice(&stamp);
            let marked = format!("{local}+{}", written(&token));
            (marked.len() <= LONGEST_LOCAL).then(|| format!("{marked}@{domain}"))
        });
        Ok(Marks { message_id: format!("{named}.{}@{domain}", written(&stamp)), return_path })
    }
}

/// Writes a number in as few octets as it needs, seven bits each, the last ones first; all but the last octet have the highest bit.
fn number(number: i64, out: &mut Vec<u8>) {
    let mut rest = number.unsigned_abs();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or_default());
}

/// Reads such a number off the front.
fn read_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number: i64 = 0;
    for at in 0..9 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= i64::from(first & 0x7f) << (7 * at);
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// What a report names, before anybody knows whether it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Key(i64),
    Id(CampaignId),
}

/// A mark as a report has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    campaign: Named,
    leader: i64,
    stamp: Vec<u8>,
}

impl Claim {
    /// Reads it off an address that something came back to.
    fn of_address(address: &str) -> Option<Self> {
        let (local, _) = address.rsplit_once('@')?;
        let (_, token) = local.rsplit_once('+')?;
        let bytes = read(token).filter(|bytes| bytes.len() <= LONGEST_LOCAL)?;
        let mut rest = bytes.as_slice();
        let (campaign, leader) = (read_number(&mut rest)?, read_number(&mut rest)?);
        (rest.len() == STAMP).then(|| Self { campaign: Named::Key(campaign), leader, stamp: rest.to_vec() })
    }

    /// Reads it off what a mail is known by.
    fn of_message_id(message_id: &str) -> Option<Self> {
        let (local, _) = message_id.rsplit_once('@')?;
        let mut parts = local.splitn(3, '.');
        let (campaign, leader, stamp) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { campaign: Named::Id(campaign.parse().ok()?), leader: leader.parse().ok()?, stamp: read(stamp)? })
    }
}

/// The mail that a report is about.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The campaign.
    pub campaign: Campaign,
    /// The key of the client that leads the mail.
    pub leader: i64,
    /// It came back to the mail's own address, so it is about this mail whomever it names.
    pub is_by_return_path: bool,
}

/// The mail that one of these addresses, or else one of these names, stands for by a stamp of ours. Nobody else's counts.
///
/// # Errors
/// When the database refuses.
pub fn marked(
    conn: &mut Conn,
    keyring: &Keyring,
    (returned_to, message_ids): (&[String], &[String]),
) -> Result<Option<Marked>> {
    let by_path = returned_to.iter().filter_map(|address| Claim::of_address(address)).map(|claim| (claim, true));
    let by_name = message_ids.iter().filter_map(|name| Claim::of_message_id(name)).map(|claim| (claim, false));
    let mut looked_at: Vec<Claim> = Vec::new();
    for (claim, is_by_return_path) in by_path.chain(by_name) {
        if looked_at.contains(&claim) {
            continue;
        }
        let own = campaigns::table.select(Row::as_select());
        let found: Option<Row> = match &claim.campaign {
            Named::Key(key) => own.filter(campaigns::key.eq(key)).first(conn).optional()?,
            Named::Id(id) => own.filter(campaigns::id.eq(id)).first(conn).optional()?,
        };
        if let Some(campaign) = found.map(Campaign::try_from).transpose()?
            && keyring.knows_stamp(PURPOSE, stamped(campaign.id, claim.leader).as_bytes(), &claim.stamp)
        {
            return Ok(Some(Marked { campaign, leader: claim.leader, is_by_return_path }));
        }
        looked_at.push(claim);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for whole in [0, 1, 127, 128, 300, 1 << 41, i64::MAX] {
            let mut bytes = Vec::new();
            number(whole, &mut bytes);
            let mut rest = bytes.as_slice();
            assert_eq!((read_number(&mut rest), rest.len()), (Some(whole), 0), "{whole}");
        }
        assert_eq!(read_number(&mut [0x80; 20].as_slice()), None);
        assert_eq!(read_number(&mut [].as_slice()), None);
    }

    #[test]
    fn what_carries_no_mark_is_read_as_none() {
        for address in
            ["", "a@b", "a+b@c", "a+@c", "+@", "a+mzxw6ytb@c", "a+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@c"]
        {
            assert!(Claim::of_address(address).is_none_or(|claim| claim.stamp == [0; STAMP]), "{address}");
        }
        for name in ["", "@", "a.b.c@d", "cmp_1.2@d", "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b.7@d"] {
            assert_eq!(Claim::of_message_id(name), None, "{name}");
        }
    }
}
