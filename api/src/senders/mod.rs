//! Who a practice's mails come from.

mod ins;
mod outs;

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{delete, get, patch, post};
use klaar_domain::bounces::{self, MailboxId};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::mail::{MailFault, MailboxFault};
use klaar_domain::senders::{self, Draft, Given, SenderChange, SenderId, Trial};

use self::ins::{SenderIn, SenderPatch};
use self::outs::{SenderOut, SendersOut, TestOut};
use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{CampaignsSend, May, SeenRevision, SendersManage};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;

fn given<'a>(state: &'a State, caller: &'a Caller) -> Given<'a> {
    Given { practice: &caller.practice, mail: &state.settings.mail, keyring: &state.keyring }
}

fn reply(conn: &mut Conn, (caller, language): (&Caller, Language), id: SenderId) -> Result<Reply> {
    let sender = senders::sender(conn, &caller.practice, id)?;
    let (revision, mailbox) = (sender.revision, MailboxId::Of(id));
    let readings = bounces::readings(conn, &[mailbox])?;
    Ok(Reply::ok(&SenderOut::of(sender, readings.get(&mailbox), language))?.tagged(revision))
}

/// Lets the servers, as far as there are any to try, let us in, and says of each what is wrong with it.
async fn try_servers(state: &State, trial: &Trial) -> std::result::Result<(), Vec<FieldError>> {
    let mut wrong = Vec::new();
    let mailer = &state.mailer;
    let checked = match (&trial.server, &trial.returning) {
        (_, Some((server, address))) => match mailer.check_return(server, address).await {
            Ok(Err(words)) => {
                wrong.push(FieldError::new("/bounces/return_path", "return_path_refused").with("words", words));
                Ok(())
            }
            checked => checked.map(|_| ()),
        },
        (Some(server), None) => mailer.check(server).await,
        (None, None) => Ok(()),
    };
    wrong.extend(checked.err().map(|fault| entry("/server", &fault)));
    if let Some((server, folder)) = &trial.mailbox {
        wrong.extend(mailer.check_mailbox(server, folder).await.err().map(|fault| entry_of_mailbox(&fault)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What a fault of a mail server says of the fields behind `root` that named it.
fn entry(root: &str, fault: &MailFault) -> FieldError {
    let at = |field: &str, code| FieldError::new(format!("{root}/{field}"), code);
    match fault {
        MailFault::Unreachable(reason) => at("host", "server_unreachable").with("reason", reason),
        MailFault::Private => at("host", "private_address"),
        MailFault::Silent => at("host", "server_silent"),
        MailFault::Refused(words) => at("host", "server_refused").with("words", words),
        MailFault::Unencrypted => at("security", "encryption_needed"),
        MailFault::NoStarttls => at("security", "no_starttls"),
        MailFault::Tls(reason) => at("security", "tls_failed").with("reason", reason),
        MailFault::NoSignIn => at("sign_in/kind", "sign_in_not_offered"),
        MailFault::SignInRefused(words) => at("sign_in", "sign_in_refused").with("words", words),
        MailFault::NoToken(reason) => at("sign_in/refresh_token", "no_access_token").with("reason", reason),
    }
}

/// What a fault of a mailbox says of the fields that named it.
fn entry_of_mailbox(fault: &MailboxFault) -> FieldError {
    let at = |field: &str, code| FieldError::new(format!("/bounces/{field}"), code);
    match fault {
        MailboxFault::Mail(MailFault::Silent) => at("host", "mailbox_silent"),
        MailboxFault::Mail(MailFault::NoStarttls) => at("security", "mailbox_without_starttls"),
        MailboxFault::Mail(fault) => entry("/bounces", fault),
        MailboxFault::SignInRefused(words) => at("sign_in", "sign_in_refused").with("words", words),
        MailboxFault::NoFolder(words) => at("folder", "no_such_folder").with("words", words),
        MailboxFault::Refused(words) | MailboxFault::Broken(words) => at("host", "server_refused").with("words", words),
    }
}

/// List senders
#[utoipa::path(operation_id = "list_senders", tag = "senders", security(("bearer" = ["campaigns:send"])),
    responses((status = 200, description = "The senders, and what the installation offers.", body = SendersOut)))]
#[get("/senders")]
pub async fn list_senders(may: May<CampaignsSend>, state: Data<State>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let senders = senders::senders(conn, &caller.practice)?;
        let own = senders.iter().map(|sender| MailboxId::Of(sender.id));
        let readings = bounces::readings(conn, &own.chain([MailboxId::Shared]).collect::<Vec<_>>())?;
        Reply::ok(&SendersOut::of(senders, &readings, &state.settings.mail, language))
    })
    .await
}

/// Make a sender
///
/// Its server, when it has one of its own, is tried first: what does not connect, begin TLS and sign in is refused with the server's words. So is
/// the mailbox that mails come back to, and whether the server lets mails come back to the address that is given.
#[utoipa::path(operation_id = "create_sender", tag = "senders", request_body(content = SenderIn, description = "The sender."),
    security(("bearer" = ["senders:manage"])), responses((status = 201, description = "The new sender.", body = SenderOut)))]
#[post("/senders")]
pub async fn create_sender(
    // The right is proved twice: before a server is tried, and where the sender is stored.
    first: May<SendersManage>,
    may: May<SendersManage>,
    state: Data<State>,
    body: Body<SenderIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    let draft = Draft::from(body.value);
    let said = draft.clone();
    let prepared = first
        .unless_kept(body.hash.clone(), move |state, caller| senders::prepare(given(state, caller), said)?.to_try())
        .await?;
    let trial = prepared.unwrap_or_default();
    try_servers(&state, &trial).await.map_err(|wrong| Problem::in_language(Error::Invalid(wrong), language))?;
    let state = Arc::clone(&state);
    may.once(body.hash, move |tx, caller| {
        let given = given(&state, caller);
        let id = senders::create(tx, given, &caller.actor, &senders::prepare(given, draft)?)?;
        Ok(reply(tx, (caller, language), id)?.at(format!("/v1/senders/{id}")))
    })
    .await
}

/// Read a sender
#[utoipa::path(operation_id = "get_sender", tag = "senders",
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The sender.", body = SenderOut)))]
#[get("/senders/{id}")]
pub async fn get_sender(may: May<CampaignsSend>, id: InPath<SenderId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, (caller, language), id.get()?)).await
}

/// Change a sender
///
/// A server or a bounce mailbox that is given is tried first, as when a sender is made.
#[utoipa::path(operation_id = "update_sender", tag = "senders", request_body(content = SenderPatch, description = "The change."),
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["senders:manage"])), responses((status = 200, description = "The sender as it is now.", body = SenderOut)))]
#[patch("/senders/{id}")]
pub async fn update_sender(
    may: (May<SendersManage>, May<SendersManage>),
    id: InPath<SenderId>,
    seen: SeenRevision,
    state: Data<State>,
    body: Body<SenderPatch>,
) -> Result<Reply, Problem> {
    let (first, may) = may;
    let (id, language) = (id.get().map_err(|error| Problem::in_language(error, may.language))?, may.language);
    let change = SenderChange::from(body.value);
    let said = change.clone();
    let trial = first.with_db(move |state, caller| {
        let prepared = state.db.read(|conn| senders::prepare_change(conn, given(state, caller), (id, seen.0), said))?;
        prepared.1.to_try()
    });
    let trial = trial.await?;
    try_servers(&state, &trial).await.map_err(|wrong| Problem::in_language(Error::Invalid(wrong), language))?;
    let state = Arc::clone(&state);
    may.write(move |tx, caller| {
        senders::change(tx, given(&state, caller), &caller.actor, (id, seen.0), change)?;
        reply(tx, (caller, language), id)
    })
    .await
}

/// Delete a sender
///
/// What is secret of it is gone at once. The default one goes last.
#[utoipa::path(operation_id = "delete_sender", tag = "senders",
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["senders:manage"])), responses((status = 204, description = "It is gone.")))]
#[delete("/senders/{id}")]
pub async fn delete_sender(
    may: May<SendersManage>,
    id: InPath<SenderId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        senders::delete(tx, given(&state, caller), &caller.actor, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Try a sender's mail server
///
/// Connects, begins TLS and signs in, and leaves without a mail; the installation's when the sender has none of its own. Then the mailbox
/// that mails come back to, when it has one. What went wrong first is said in the answer.
#[utoipa::path(operation_id = "test_sender", tag = "senders",
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["senders:manage"])), responses((status = 200, description = "Whether the server has let us in.", body = TestOut)))]
#[post("/senders/{id}/test")]
pub async fn test_sender(
    may: (May<SendersManage>, May<SendersManage>),
    id: InPath<SenderId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let (first, may) = may;
    let (id, language) = (id.get().map_err(|error| Problem::in_language(error, may.language))?, may.language);
    let trial = first.unless_kept(Vec::new(), move |state, caller| {
        let given = given(state, caller);
        state.db.read(|conn| {
            let sender = senders::sender(conn, given.practice, id)?;
            let server = senders::server_of(conn, given, &sender)?;
            let path = sender.bounces.as_ref().and_then(|bounces| bounces.return_path.clone());
            let mailbox = senders::bounce_box_of(conn, given, id)?;
            Ok(Trial { returning: path.map(|path| (server.clone(), path)), server: Some(server), mailbox })
        })
    });
    let fault = match trial.await? {
        Some(trial) => try_servers(&state, &trial).await.err().and_then(|wrong| wrong.into_iter().next()),
        None => None,
    };
    let state = Arc::clone(&state);
    may.once(Vec::new(), move |tx, caller| {
        let sender = senders::note_test(tx, given(&state, caller), &caller.actor, (id, fault.is_none()))?;
        Reply::ok(&TestOut::of(&sender, fault, language))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_senders)
        .service(create_sender)
        .service(get_sender)
        .service(update_sender)
        .service(delete_sender)
        .service(test_sender);
}
