//! Tests of a template: the mail as a client would get it, to whoever asks for it.

use serde::{Deserialize, Serialize};

use super::files;
use super::given::Given;
use super::model::TemplateId;
use super::previews::{Asked, Preview, preview};
use super::queries;
use crate::clients::ClientId;
use crate::identity::{self, Caller, MemberId};
use crate::kernel::actor::ActorKind;
use crate::kernel::catalogue::Language;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions, Job, Lane};
use crate::kernel::operations::{self, OperationId, Problem};
use crate::mail::{Enclosure, Letters, MailServer, Party};
use crate::senders::{self, From, SenderId};

/// Sends a test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendTemplateTest {
    /// What tells whoever asked how it went.
    pub operation: OperationId,
    /// The template.
    pub template: TemplateId,
    /// The client that it is written for.
    pub client: ClientId,
    /// The language; the client's when `None`.
    pub language: Option<Language>,
    /// Who it is from; the default sender when `None`.
    pub sender: Option<SenderId>,
    /// Who gets it.
    pub member: MemberId,
}

impl Job for SendTemplateTest {
    const KIND: &'static str = "send_template_test";
    const LANE: Lane = Lane::Interactive;
}

/// A test, ready to go.
pub struct Test {
    /// What it says.
    pub preview: Preview,
    /// What it carries.
    pub enclosures: Vec<Enclosure>,
    /// Who it is from.
    pub from: From,
    /// Who gets it.
    pub to: Party,
    /// The server that takes it.
    pub server: MailServer,
}

/// Has a test sent to the member who asks; a preview of it is made first, so that what is wrong is said at once.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] as [`preview`]; [`Error::Conflict`] `nobody_to_mail` for an API key, and as
/// [`senders::from_of`].
pub fn request_test(
    tx: &mut Tx<'_>,
    (given, sending): (Given<'_>, senders::Given<'_>),
    caller: &Caller,
    (template, asked, sender): (TemplateId, Asked, Option<SenderId>),
) -> Result<OperationId> {
    let found = queries::template(tx, given, template)?;
    let member = caller.actor.id.as_deref().filter(|_| caller.actor.kind == ActorKind::Member);
    let member = member.and_then(|id| id.parse().ok()).ok_or_else(|| Error::conflict("nobody_to_mail"))?;
    let from = senders::from_of(tx, sending, sender)?;
    preview(tx, given, &from, (&found.content, &found.attachments, asked))?;
    let practice = caller.practice.uid();
    let operation = operations::create(tx, practice, &caller.actor, "template_test", Some(1))?;
    let job = SendTemplateTest { operation, template, client: asked.client, language: asked.language, sender, member };
    jobs::enqueue(tx, &job, &EnqueueOptions::of(practice).work_of(operation))?;
    Ok(operation)
}

/// The test that a job is to send.
///
/// # Errors
/// What of it is not there any more.
pub fn test_to_send(
    conn: &mut Conn,
    (letters, sending): (&Letters, senders::Given<'_>),
    job: &SendTemplateTest,
) -> Result<Test> {
    let given = Given { practice: sending.practice, letters };
    let from = senders::from_of(conn, sending, job.sender)?;
    let template = queries::template(conn, given, job.template)?;
    let asked = Asked { client: job.client, language: job.language };
    let preview = preview(conn, given, &from, (&template.content, &template.attachments, asked))?;
    let mut enclosures = Vec::new();
    for attachment in &preview.attachments {
        let kept = files::enclosure(conn, sending.practice.id, attachment)?;
        enclosures.push(kept.ok_or(Error::NotFound("attached file"))?);
    }
    let account = identity::member(conn, sending.practice, job.member)?.account;
    let to = Party { name: account.name, address: account.email };
    let server = senders::server_for(conn, sending, from.sender)?;
    Ok(Test { preview, enclosures, from, to, server })
}

/// Notes how a test went: the address it went to, or why it did not.
///
/// # Errors
/// When the database refuses.
pub fn test_ended(tx: &mut Tx<'_>, job: &SendTemplateTest, outcome: Result<String, String>) -> Result<()> {
    match outcome {
        Ok(to) => {
            operations::advance(tx, job.operation, 1, 0)?;
            operations::finish(tx, job.operation, &serde_json::json!({ "to": to }))?;
        }
        Err(reason) => {
            operations::fail(tx, job.operation, &Problem::new("mail_not_sent").with("reason", reason))?;
        }
    }
    Ok(())
}
