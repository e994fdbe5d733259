//! Who a practice's mails come from.

mod ins;
mod outs;

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{delete, get, patch, post};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::mail::{MailFault, MailServer};
use klaar_domain::senders::{self, Draft, Given, SenderChange, SenderId};

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

fn reply(conn: &mut Conn, caller: &Caller, id: SenderId) -> Result<Reply> {
    let sender = senders::sender(conn, &caller.practice, id)?;
    let revision = sender.revision;
    Ok(Reply::ok(&SenderOut::from(sender))?.tagged(revision))
}

/// Lets the server, if there is one to try, let us in.
async fn try_server(state: &State, server: Option<MailServer>) -> Result<()> {
    let Some(server) = server else { return Ok(()) };
    state.mailer.check(&server).await.map_err(|fault| Error::Invalid(vec![entry(&fault)]))
}

/// What a fault of a mail server says of the fields that named it.
fn entry(fault: &MailFault) -> FieldError {
    let at = |pointer: &str, code| FieldError::new(pointer, code);
    match fault {
        MailFault::Unreachable(reason) => at("/server/host", "server_unreachable").with("reason", reason),
        MailFault::Private => at("/server/host", "private_address"),
        MailFault::Silent => at("/server/host", "server_silent"),
        MailFault::Refused(words) => at("/server/host", "server_refused").with("words", words),
        MailFault::Unencrypted => at("/server/security", "encryption_needed"),
        MailFault::NoStarttls => at("/server/security", "no_starttls"),
        MailFault::Tls(reason) => at("/server/security", "tls_failed").with("reason", reason),
        MailFault::NoSignIn => at("/server/sign_in/kind", "sign_in_not_offered"),
        MailFault::SignInRefused(words) => at("/server/sign_in", "sign_in_refused").with("words", words),
        MailFault::NoToken(reason) => at("/server/sign_in/refresh_token", "no_access_token").with("reason", reason),
    }
}

/// List senders
#[utoipa::path(operation_id = "list_senders", tag = "senders", security(("bearer" = ["campaigns:send"])),
    responses((status = 200, description = "The senders, and what the installation offers.", body = SendersOut)))]
#[get("/senders")]
pub async fn list_senders(may: May<CampaignsSend>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let senders = senders::senders(conn, &caller.practice)?;
        Reply::ok(&SendersOut::of(senders, state.settings.mail.shared.as_ref()))
    })
    .await
}

/// Make a sender
///
/// Its server, when it has one of its own, is tried first: what does not connect, begin TLS and sign in is refused with the server's words.
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
    try_server(&state, prepared.flatten()).await.map_err(|error| Problem::in_language(error, language))?;
    let state = Arc::clone(&state);
    may.once(body.hash, move |tx, caller| {
        let given = given(&state, caller);
        let id = senders::create(tx, given, &caller.actor, &senders::prepare(given, draft)?)?;
        Ok(reply(tx, caller, id)?.at(format!("/v1/senders/{id}")))
    })
    .await
}

/// Read a sender
#[utoipa::path(operation_id = "get_sender", tag = "senders",
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The sender.", body = SenderOut)))]
#[get("/senders/{id}")]
pub async fn get_sender(may: May<CampaignsSend>, id: InPath<SenderId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| reply(conn, caller, id.get()?)).await
}

/// Change a sender
///
/// A server that is given is tried first, as when a sender is made.
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
    let server = first.with_db(move |state, caller| {
        let prepared = state.db.read(|conn| senders::prepare_change(conn, given(state, caller), (id, seen.0), said))?;
        prepared.1.to_try()
    });
    try_server(&state, server.await?).await.map_err(|error| Problem::in_language(error, language))?;
    let state = Arc::clone(&state);
    may.write(move |tx, caller| {
        senders::change(tx, given(&state, caller), &caller.actor, (id, seen.0), change)?;
        reply(tx, caller, id)
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
/// Connects, begins TLS and signs in, and leaves without a mail; the installation's when the sender has none of its own. What went
/// wrong is said in the answer.
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
    let server = first.unless_kept(Vec::new(), move |state, caller| {
        let given = given(state, caller);
        state.db.read(|conn| {
            let sender = senders::sender(conn, given.practice, id)?;
            senders::server_of(conn, given, &sender)
        })
    });
    let fault = match server.await? {
        Some(server) => state.mailer.check(&server).await.err(),
        None => None,
    };
    let state = Arc::clone(&state);
    may.once(Vec::new(), move |tx, caller| {
        let sender = senders::note_test(tx, given(&state, caller), &caller.actor, (id, fault.is_none()))?;
        Reply::ok(&TestOut::of(&sender, fault.as_ref().map(entry), language))
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
