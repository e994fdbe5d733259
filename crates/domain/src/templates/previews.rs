//! What a mail would look like for a client, before anything is sent.

use super::attachments::Attachment;
use super::compiled::{Compiled, Frame, Unwritable};
use super::given::Given;
use super::model::Content;
use super::values::{Addressee, Ground};
use crate::clients::{self, ClientId, Notice};
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::mail::{Party, Written};
use crate::senders::From;

/// For whom, and in which language.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The client.
    pub client: ClientId,
    /// The language; the addressee's when `None`.
    pub language: Option<Language>,
}

/// A mail as it would go out.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The language that it is in.
    pub language: Language,
    /// Who it would be from.
    pub from: Party,
    /// Who would get it; `None` when no address is known.
    pub to: Option<Party>,
    /// Why that address.
    pub reason: String,
    /// The mail; what has no value stands there as `[name]`.
    pub written: Written,
    /// The variables that have no value for this client.
    pub missing: Vec<String>,
    /// What it carries.
    pub attachments: Vec<Attachment>,
}

/// Writes a mail for a client as it would go out.
///
/// # Errors
/// [`Error::Invalid`] `not_a_client` on `/client_id`, or `language_missing` on `/language`; [`Error::Conflict`]
/// `mail_too_large`.
pub fn preview(
    conn: &mut Conn,
    given: Given<'_>,
    from: &From,
    (content, attachments, asked): (&Content, &[Attachment], Asked),
) -> Result<Preview> {
    let practice = given.practice;
    let client = clients::find(conn, practice, asked.client).map_err(|error| match error {
        Error::NotFound(_) => Error::invalid("/client_id", "not_a_client"),
        other => other,
    })?;
    let notice = clients::notices(conn, practice, &[client.key])?.pop();
    let notice: Notice = notice.ok_or_else(|| Error::internal("a client without a notice"))?;
    let own = practice.language.parse().unwrap_or_default();
    let wished = asked.language.or_else(|| notice.language.parse().ok()).unwrap_or(own);
    let language = match asked.language {
        Some(language) => content.0.contains_key(&language).then_some(language),
        None => content.language_for(wished, own),
    };
    let text = language.and_then(|language| Some((language, content.0.get(&language)?)));
    let (language, text) = text.ok_or_else(|| {
        let fault = crate::kernel::error::FieldError::new("/language", "language_missing").with("language", wished);
        Error::Invalid(vec![fault])
    })?;
    let compiled = Compiled::of(given.letters, language, text)?;
    let ground = Ground::of(conn, practice, (&from.party.name, &from.party.address))?;
    let ground = ground.with_names(conn, practice, std::slice::from_ref(&client))?;
    let addressee = Addressee {
        clients: &[&client],
        contact: notice.name.as_deref(),
        role: notice.role.as_deref(),
        unsubscribe: None,
    };
    let values = ground.values(compiled.used(), &addressee, language);
    let missing = compiled.missing(&values);
    let values = values.or(&missing, |name| format!("[{name}]"));
    let written = compiled.fill(&values, Frame { sender: &from.party.name, signature: from.signature(language) });
    let written = written.map_err(|fault| match fault {
        Unwritable::TooLarge | Unwritable::Missing(_) => Error::conflict("mail_too_large"),
    })?;
    let to = notice.address.map(|address| Party { name: notice.name.unwrap_or_default(), address });
    let attachments = attachments.iter().filter(|one| one.goes_with(language)).cloned().collect();
    Ok(Preview { language, from: from.party.clone(), to, reason: notice.reason, written, missing, attachments })
}
