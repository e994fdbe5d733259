//! What would happen if a campaign began now, before it does: how many mails in which languages, who gets none and why, what
//! is missing, and what stops it.

use std::collections::{BTreeMap, HashMap};

use super::audience::{Around, meant};
use super::model::{Campaign, Mode, Purpose};
use super::{recipients, suppressions};
use crate::clients::{self, ClientId, Notice};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Params, Result};
use crate::mail::encoded_octets;
use crate::senders::{self, DomainDoubt, From};
use crate::templates::{self, Addressee, Compiled, Ground, Template};

/// Clients that are looked at together.
const CHUNK: usize = 2_000;
/// How many clients are named under one finding.
const MOST_NAMED: usize = 50;
/// A client that got a mail of the kind so lately has been mailed lately: 14 days, in seconds.
pub(super) const LATELY: i64 = 14 * 86_400;
/// What a mail server is believed to take when nothing limits it, in mails a minute.
const USUAL_RATE: i64 = 600;

/// Attached files that some readers' mailboxes may not take, and that take their time: 3 MB, as they go over the line.
const LARGE: i64 = 3_000_000;

/// Whether a finding stops a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It cannot begin.
    Blocks,
    /// Somebody should know.
    Warns,
}

/// Something that somebody should know before it begins.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its stable code.
    pub code: &'static str,
    /// Whether it stops the campaign.
    pub weight: Weight,
    /// What its text speaks of.
    pub params: Params,
}

/// A variable that some clients have no value for.
#[derive(Debug, Clone)]
pub struct Lacking {
    /// The variable.
    pub variable: String,
    /// How many lack it.
    pub clients: i64,
    /// Some of them, by identifier and name.
    pub named: Vec<(ClientId, String)>,
}

/// Clients that got a mail lately.
#[derive(Debug, Clone, Default)]
pub struct MailedLately {
    /// How many.
    pub clients: i64,
    /// When the last of them did.
    pub last_at: Option<Instant>,
}

/// What would happen.
#[derive(Debug, Clone, Default)]
pub struct Preflight {
    /// Clients that would get a row.
    pub audience: i64,
    /// Clients that are meant but archived, and left out.
    pub archived: i64,
    /// Mails that would go out.
    pub mails: i64,
    /// Mails by the language that they would be in.
    pub by_language: BTreeMap<Language, i64>,
    /// Clients by a language that is not written, who would read another.
    pub unwritten: BTreeMap<Language, i64>,
    /// Clients without an address.
    pub unreachable: i64,
    /// Some of them.
    pub unreachable_named: Vec<(ClientId, String)>,
    /// Clients whose address gets no such mail.
    pub suppressed: i64,
    /// Addresses that several clients have.
    pub shared_mailboxes: i64,
    /// Clients that have one of these.
    pub sharing_clients: i64,
    /// Clients that were mailed lately.
    pub mailed_lately: MailedLately,
    /// What is missing for whom.
    pub lacking: Vec<Lacking>,
    /// How many octets each of these mails carries in attached files, as they go over the line.
    pub attached: BTreeMap<Language, i64>,
    /// How long it would take at least, in seconds.
    pub seconds: i64,
    /// The domain that its mails come from; `None` without a sender.
    pub domain: Option<String>,
    /// The domain that they come back to, which SPF is about; the same where they have no return path of their own.
    pub envelope_domain: Option<String>,
    /// What somebody should know; what stops it first.
    pub findings: Vec<Finding>,
}

impl Preflight {
    /// The codes of what stops it.
    #[must_use]
    pub fn blocks(&self) -> Vec<&'static str> {
        self.findings.iter().filter(|one| one.weight == Weight::Blocks).map(|one| one.code).collect()
    }

    /// Notes what is doubtful of the domain that its mails come from.
    pub fn doubt(&mut self, doubts: &[DomainDoubt]) {
        for doubt in doubts {
            let domain = if doubt.is_about_envelope() { &self.envelope_domain } else { &self.domain };
            let params = vec![("domain", domain.clone().unwrap_or_default())];
            self.find(Weight::Warns, doubt.code(), params);
        }
    }

    fn find(&mut self, weight: Weight, code: &'static str, params: Params) {
        self.findings.push(Finding { code, weight, params });
    }
}

/// Looks at a campaign as it would begin now.
///
/// # Errors
/// [`Error::Invalid`] when its selection is broken by now; [`Error::NotFound`] when its template is gone.
pub fn preflight(conn: &mut Conn, around: Around<'_>, campaign: &Campaign) -> Result<Preflight> {
    let keys = meant(conn, around, campaign)?;
    look(conn, around, campaign, &keys)
}

/// The same for clients that were chosen.
pub(super) fn look(conn: &mut Conn, around: Around<'_>, campaign: &Campaign, keys: &[i64]) -> Result<Preflight> {
    let mut seen = Preflight::default();
    let template = templates::template(conn, around.templates(), campaign.template)?;
    check_template(conn, around, &template, &mut seen)?;
    let from = match senders::from_of(conn, around.senders(), campaign.sender) {
        Ok(from) => Some(from),
        Err(Error::Conflict(_) | Error::Invalid(_)) => {
            seen.find(Weight::Blocks, "no_sender", Params::new());
            None
        }
        Err(other) => return Err(other),
    };
    let mut looked = Looked::of(conn, around, (campaign, &template, from.as_ref()))?;
    for chunk in keys.chunks(CHUNK) {
        looked.chunk(conn, around, chunk, &mut seen)?;
    }
    looked.conclude(&mut seen);
    seen.archived = i64::try_from(keys.len()).unwrap_or(i64::MAX) - seen.audience;
    seen.mailed_lately =
        recipients::mailed_since(conn, &around.caller.practice, keys, around.db.clock().now().plus_seconds(-LATELY))?;
    weigh(&template, &mut seen);
    seen.seconds = seconds(seen.mails, campaign, from.as_ref());
    seen.domain = from.as_ref().and_then(From::domain).map(str::to_owned);
    seen.envelope_domain = from.as_ref().and_then(From::envelope_domain).map(str::to_owned);
    conclude(&mut seen);
    Ok(seen)
}

fn check_template(conn: &mut Conn, around: Around<'_>, template: &Template, seen: &mut Preflight) -> Result<()> {
    let category = templates::category(conn, &around.caller.practice, template.category)?;
    if !template.active || !category.active {
        seen.find(Weight::Blocks, "template_off", vec![("name", template.name.clone())]);
    }
    Ok(())
}

/// How much the mails carry. Attaching has the same bound, but an installation may come to have a smaller one.
fn weigh(template: &Template, seen: &mut Preflight) {
    let mut all = 0;
    for (language, mails) in &seen.by_language {
        let octets = templates::carried_octets(&template.attachments, *language);
        seen.attached.insert(*language, encoded_octets(octets));
        all += encoded_octets(octets) * mails;
    }
    let most = seen.attached.values().copied().max().unwrap_or(0);
    let megabytes = |octets: i64| ((octets + 999_999) / 1_000_000).to_string();
    let params = vec![("size", megabytes(most)), ("all", megabytes(all))];
    if most > encoded_octets(templates::MOST_CARRIED) {
        seen.find(Weight::Blocks, "attachments_too_large", params);
    } else if most > LARGE {
        seen.find(Weight::Warns, "large_attachments", params);
    }
}

/// How long so many mails take at the slowest of the rates.
fn seconds(mails: i64, campaign: &Campaign, from: Option<&From>) -> i64 {
    let limits = from.map(|from| from.limits).unwrap_or_default();
    let rates = [campaign.per_minute, limits.per_minute].into_iter().flatten().map(i64::from);
    let rate = rates.min().unwrap_or(USUAL_RATE).max(1);
    let by_minute = mails.saturating_mul(60) / rate;
    let days = limits.per_day.map_or(0, |most| (mails - 1).max(0) / i64::from(most.max(1)));
    by_minute.max(days * 86_400)
}

fn conclude(seen: &mut Preflight) {
    if seen.mails == 0 {
        seen.find(Weight::Blocks, "nobody_to_mail_to", Params::new());
    }
    if !seen.lacking.is_empty() {
        let variables: Vec<&str> = seen.lacking.iter().map(|one| one.variable.as_str()).collect();
        let params = vec![("variables", variables.join(", "))];
        seen.find(Weight::Blocks, "values_missing", params);
    }
    let counted = [
        (seen.unreachable, "unreachable"),
        (seen.suppressed, "suppressed"),
        (seen.shared_mailboxes, "shared_mailboxes"),
        (seen.mailed_lately.clients, "mailed_lately"),
        (seen.unwritten.values().sum(), "languages_missing"),
        (seen.archived, "archived_left_out"),
    ];
    for (count, code) in counted.into_iter().filter(|(count, _)| *count > 0) {
        seen.find(Weight::Warns, code, vec![("count", count.to_string())]);
    }
    seen.findings.sort_by_key(|one| one.weight == Weight::Warns);
}

/// What is gathered while the clients are looked at.
struct Looked<'a> {
    campaign: &'a Campaign,
    template: &'a Template,
    own: Language,
    /// The texts that ask for something a client may lack, with what their values are made from.
    asking: Option<(HashMap<Language, Compiled>, Ground)>,
    mailboxes: HashMap<String, i64>,
    lacking: BTreeMap<String, (i64, Vec<i64>)>,
    names: HashMap<i64, (ClientId, String)>,
}

impl<'a> Looked<'a> {
    fn of(
        conn: &mut Conn,
        around: Around<'_>,
        (campaign, template, from): (&'a Campaign, &'a Template, Option<&From>),
    ) -> Result<Self> {
        let practice = &around.caller.practice;
        let party = from.map_or(("", ""), |from| (from.party.name.as_str(), from.party.address.as_str()));
        let mut compiled = HashMap::new();
        for (language, text) in &template.content.0 {
            let ready = Compiled::of(around.letters, *language, text)?;
            if ready.may_lack() {
                compiled.insert(*language, ready);
            }
        }
        let asking = match compiled.is_empty() {
            true => None,
            false => Some((compiled, Ground::of(conn, practice, party)?)),
        };
        Ok(Self {
            campaign,
            template,
            own: practice.language.parse().unwrap_or_default(),
            asking,
            mailboxes: HashMap::new(),
            lacking: BTreeMap::new(),
            names: HashMap::new(),
        })
    }

    fn chunk(&mut self, conn: &mut Conn, around: Around<'_>, keys: &[i64], seen: &mut Preflight) -> Result<()> {
        let practice = &around.caller.practice;
        let notices = clients::active_notices(conn, practice, keys)?;
        let addresses: Vec<&str> = notices.iter().filter_map(|notice| notice.address.as_deref()).collect();
        let is_marketing = self.campaign.purpose == Purpose::Marketing;
        let suppressed = suppressions::among(conn, practice, (&addresses, is_marketing))?;
        let mut mailed: Vec<(&Notice, Language)> = Vec::new();
        for notice in &notices {
            seen.audience += 1;
            let Some(address) = notice.address.as_ref().map(|address| address.to_ascii_lowercase()) else {
                seen.unreachable += 1;
                if seen.unreachable_named.len() < MOST_NAMED {
                    let named = clients::named_keys(conn, practice, &[notice.client_key])?;
                    seen.unreachable_named.extend(named.into_values());
                }
                continue;
            };
            if suppressed.contains(&address) {
                seen.suppressed += 1;
                continue;
            }
            let wished = notice.language.parse().unwrap_or(self.own);
            let Some(language) = self.template.content.language_for(wished, self.own) else { continue };
            if language != wished {
                *seen.unwritten.entry(wished).or_default() += 1;
            }
            let had = self.mailboxes.entry(address).or_default();
            *had += 1;
            if self.campaign.mode == Mode::Client || *had == 1 {
                seen.mails += 1;
                *seen.by_language.entry(language).or_default() += 1;
            }
            mailed.push((notice, language));
        }
        self.look_for_missing(conn, around, &mailed)
    }

    fn look_for_missing(&mut self, conn: &mut Conn, around: Around<'_>, mailed: &[(&Notice, Language)]) -> Result<()> {
        let Some((compiled, ground)) = &self.asking else { return Ok(()) };
        let practice = &around.caller.practice;
        let keys: Vec<i64> = mailed.iter().map(|(notice, _)| notice.client_key).collect();
        let found = clients::with_keys(conn, practice, &keys)?.0;
        let ground = ground.clone().with_names(conn, practice, &found)?;
        let by_key: HashMap<i64, &clients::Client> = found.iter().map(|client| (client.key, client)).collect();
        for (notice, language) in mailed {
            let (Some(compiled), Some(client)) = (compiled.get(language), by_key.get(&notice.client_key)) else {
                continue;
            };
            let addressee = Addressee {
                clients: &[client],
                contact: notice.name.as_deref(),
                role: notice.role.as_deref(),
                // It has a link when it is sent.
                unsubscribe: (self.campaign.purpose == Purpose::Marketing).then_some("-"),
            };
            let values = ground.values(compiled.used(), &addressee, *language);
            for variable in compiled.missing(&values) {
                let (count, named) = self.lacking.entry(variable).or_default();
                *count += 1;
                if named.len() < MOST_NAMED {
                    named.push(client.key);
                    self.names.insert(client.key, (client.id, client.card.name.clone()));
                }
            }
        }
        Ok(())
    }

    fn conclude(self, seen: &mut Preflight) {
        let shared = self.mailboxes.values().filter(|clients| **clients > 1);
        (seen.shared_mailboxes, seen.sharing_clients) =
            shared.fold((0, 0), |(boxes, sharing), clients| (boxes + 1, sharing + clients));
        let names = self.names;
        seen.lacking = self
            .lacking
            .into_iter()
            .map(|(variable, (clients, named))| {
                let named = named.iter().filter_map(|key| names.get(key).cloned()).collect();
                Lacking { variable, clients, named }
            })
            .collect();
    }
}
