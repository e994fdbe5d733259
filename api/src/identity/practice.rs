//! The practice that the caller acts in.

use actix_web::{get, patch, put};
use klaar_domain::identity::{self, Caller, MemberId, Practice, PracticeChange, RegularMail};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::patch::Patch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answers::World;
use crate::body::Body;
use crate::guards::{May, PracticeManage, SeenRevision, SignedIn};
use crate::mounting::Routes;
use crate::problem::{Problem, ProblemOut};
use crate::reply::Reply;
use crate::shapes::{LanguageWord, RegularMailWord};

/// A change to the practice: an absent field stays, a value sets it; null clears the enterprise number.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PracticePatch, example = json!({ "name": "Maes & Partners", "time_zone": "Europe/Brussels" }))]
pub struct PracticePatch {
    /// Its name, up to 200 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: Patch<String>,
    /// IANA name of its time zone: the night is local.
    #[schema(value_type = String, pattern = "^[!-~]+$")]
    time_zone: Patch<String>,
    /// Its first language.
    #[schema(value_type = LanguageWord)]
    language: Patch<String>,
    /// Its own enterprise number, in any notation.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 64, pattern = r"^[^\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]*[0-9][^\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]*$")]
    enterprise_number: Patch<String>,
}

/// A practice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Practice, example = json!({
    "id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Maes & Partners", "world": "test", "time_zone": "Europe/Brussels", "language": "nl",
    "enterprise_number": "0403227515", "revision": 1, "created_at": "2026-11-20T09:00:00.000000Z"
}))]
pub struct PracticeOut {
    /// The practice's identifier.
    id: String,
    /// Its name.
    name: String,
    /// The Peppol network it works with, fixed when it was created.
    #[schema(value_type = World)]
    world: &'static str,
    /// IANA name of its time zone.
    time_zone: String,
    /// Its first language.
    language: String,
    /// Its own enterprise number.
    enterprise_number: Option<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When it was created.
    created_at: String,
}

impl From<Practice> for PracticeOut {
    fn from(practice: Practice) -> Self {
        Self {
            id: practice.id.to_string(),
            name: practice.name,
            world: practice.world.as_str(),
            time_zone: practice.time_zone,
            language: practice.language,
            enterprise_number: practice.enterprise_number,
            revision: practice.revision,
            created_at: practice.created_at.to_string(),
        }
    }
}

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Caller, example = json!({
    "kind": "api_key", "id": "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Front end", "rights": ["clients:read"], "authenticated_at": null,
    "practice": { "id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Maes & Partners", "world": "test", "time_zone": "Europe/Brussels",
        "language": "nl", "enterprise_number": null, "revision": 1, "created_at": "2026-11-20T09:00:00.000000Z" }
}))]
pub struct CallerOut {
    /// `member` or `api_key`.
    kind: &'static str,
    /// The member's or key's identifier.
    id: Option<String>,
    /// The name that the audit trail keeps.
    name: String,
    /// What the caller may do.
    rights: Vec<&'static str>,
    /// When the person last gave the password; null for an API key.
    authenticated_at: Option<String>,
    /// The practice that the caller acts in.
    practice: PracticeOut,
}

/// Read who is calling
#[utoipa::path(operation_id = "get_caller", tag = "practice", security(("bearer" = [])),
    responses((status = 200, description = "The caller.", body = CallerOut)))]
#[get("/me")]
pub async fn get_caller(may: May<SignedIn>) -> Result<Reply, Problem> {
    may.read(|_, caller| {
        Reply::ok(&CallerOut {
            kind: caller.actor.kind.as_str(),
            id: caller.actor.id.clone(),
            name: caller.actor.name.clone(),
            rights: caller.rights.names(),
            authenticated_at: caller.authenticated_at.map(|at| at.to_string()),
            practice: caller.practice.clone().into(),
        })
    })
    .await
}

/// The regular mails that the caller wants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailWishes, example = json!({ "mails": ["night_report", "access_point_moves", "weekly_readiness"] }))]
pub struct MailsIn {
    /// Their names; those that are not named are not sent.
    #[schema(value_type = Vec<RegularMailWord>, max_items = 20)]
    mails: Vec<String>,
}

/// The regular mails that the caller gets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChosenMails, example = json!({ "mails": ["night_report", "access_point_moves", "weekly_readiness"] }))]
pub struct MailsOut {
    /// Their names. Until something is chosen, owners and managers get all, others none.
    #[schema(value_type = Vec<RegularMailWord>)]
    mails: Vec<&'static str>,
}

impl MailsOut {
    fn of(mails: &[RegularMail]) -> Self {
        Self { mails: mails.iter().map(|mail| mail.as_str()).collect() }
    }
}

/// The caller as a member, which a key is not.
fn own_member(caller: &Caller) -> Result<MemberId> {
    let id = caller.session.and(caller.actor.id.as_deref()).ok_or_else(|| Error::conflict("no_session"))?;
    id.parse().map_err(|_| Error::conflict("no_session"))
}

/// Read own regular mails
#[utoipa::path(operation_id = "get_own_mails", tag = "practice", security(("bearer" = [])),
    responses((status = 200, description = "What the caller gets from this practice.", body = MailsOut),
        (status = 409, description = "An API key gets no mails.", body = ProblemOut, content_type = "application/problem+json")))]
#[get("/me/mails")]
pub async fn get_own_mails(may: May<SignedIn>) -> Result<Reply, Problem> {
    may.read(|conn, caller| {
        let member = identity::member(conn, &caller.practice, own_member(caller)?)?;
        Reply::ok(&MailsOut::of(&member.mails))
    })
    .await
}

/// Choose own regular mails
///
/// They go to the caller's own address, in the caller's language, where the server has been told of a mail server.
#[utoipa::path(operation_id = "put_own_mails", tag = "practice", request_body(content = MailsIn, description = "What is wanted."), security(("bearer" = [])),
    responses((status = 200, description = "What the caller gets from now on.", body = MailsOut),
        (status = 409, description = "An API key gets no mails.", body = ProblemOut, content_type = "application/problem+json")))]
#[put("/me/mails")]
pub async fn put_own_mails(may: May<SignedIn>, body: Body<MailsIn>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let chosen = (own_member(caller)?, &body.value.mails[..]);
        Reply::ok(&MailsOut::of(&identity::choose_mails(tx, &caller.practice, &caller.actor, chosen)?))
    })
    .await
}

/// Read the practice
#[utoipa::path(operation_id = "get_practice", tag = "practice", security(("bearer" = [])),
    responses((status = 200, description = "The practice.", body = PracticeOut)))]
#[get("/practice")]
pub async fn get_practice(may: May<SignedIn>) -> Result<Reply, Problem> {
    may.read(|_, caller| {
        let revision = caller.practice.revision;
        Ok(Reply::ok(&PracticeOut::from(caller.practice.clone()))?.tagged(revision))
    })
    .await
}

/// Change the practice
#[utoipa::path(operation_id = "update_practice", tag = "practice", request_body(content = PracticePatch, description = "The change."),
    params(("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")), security(("bearer" = ["practice:manage"])),
    responses((status = 200, description = "The practice as it is now.", body = PracticeOut)))]
#[patch("/practice")]
pub async fn update_practice(
    may: May<PracticeManage>,
    seen: SeenRevision,
    body: Body<PracticePatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let PracticePatch { name, time_zone, language, enterprise_number } = body.value;
        let change = PracticeChange { name, time_zone, language, enterprise_number };
        let practice = identity::change_practice(tx, &caller.practice, &caller.actor, seen.0, change)?;
        let revision = practice.revision;
        Ok(Reply::ok(&PracticeOut::from(practice))?.tagged(revision))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(get_caller)
        .service(get_own_mails)
        .service(put_own_mails)
        .service(get_practice)
        .service(update_practice);
}
