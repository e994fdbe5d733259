//! Signing in with a password, and what follows from it.

use actix_web::{HttpRequest, delete, get, post, put, web};
use klaar_domain::identity::{self, Practice, PracticeId, Role, Session, SessionId, SignIn};
use klaar_domain::kernel::error::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::State;
use crate::answers::World;
use crate::body::{Body, InPath};
use crate::guards::{May, SignedIn};
use crate::mounting::Routes;
use crate::problem::{Problem, ProblemOut};
use crate::reply::Reply;

/// A sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSession, example = json!({ "email": "celine@maes.example", "password": "correct horse battery", "label": "Front end" }))]
pub struct SessionIn {
    /// The account's e-mail address.
    email: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
    /// The practice to act in; the account's first by name when not given.
    #[schema(pattern = "^prc_[0-9a-f]{32}$")]
    practice_id: Option<String>,
    /// What the program calls itself, to recognise the session by; what is beyond 200 characters is cut off.
    label: Option<String>,
}

/// A practice to act in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PracticeChoice, example = json!({ "practice_id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" }))]
pub struct PracticeChoiceIn {
    /// One of the account's practices.
    #[schema(pattern = "^prc_[0-9a-f]{32}$")]
    practice_id: String,
}

/// An accepted invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitationAcceptance, example = json!({ "token": "klaar_invite_ZXhhbXBsZQ", "password": "correct horse battery" }))]
pub struct AcceptanceIn {
    /// The invitation's token.
    token: String,
    /// The password to set, 12 to 200 characters.
    #[schema(format = Password, min_length = 12, max_length = 200)]
    password: String,
}

/// A wish for a new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPasswordReset, example = json!({ "email": "celine@maes.example" }))]
pub struct PasswordResetIn {
    /// The account's e-mail address.
    email: String,
}

/// A new password by the token of a mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordResetAcceptance, example = json!({ "token": "klaar_reset_ZXhhbXBsZQ", "password": "correct horse battery" }))]
pub struct PasswordIn {
    /// The token in the link of the mail.
    token: String,
    /// The password to set, 12 to 200 characters.
    #[schema(format = Password, min_length = 12, max_length = 200)]
    password: String,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session, example = json!({
    "id": "ses_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "practice_id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Front end", "current": true,
    "authenticated_at": "2026-11-22T09:00:00.000000Z", "created_at": "2026-11-22T09:00:00.000000Z",
    "expires_at": "2026-12-06T09:00:00.000000Z", "last_used_at": "2026-11-22T09:05:00.000000Z"
}))]
pub struct SessionOut {
    /// The session's identifier.
    id: String,
    /// The practice it acts in.
    practice_id: String,
    /// What the program called itself.
    label: String,
    /// It is the caller's own.
    current: bool,
    /// When the password was given.
    authenticated_at: String,
    /// When it began.
    created_at: String,
    /// When it ends by itself.
    expires_at: String,
    /// When it was last used, to the minute.
    last_used_at: String,
}

impl SessionOut {
    fn of(session: Session, own: Option<SessionId>) -> Self {
        Self {
            current: Some(session.id) == own,
            id: session.id.to_string(),
            practice_id: session.practice.to_string(),
            label: session.label,
            authenticated_at: session.authenticated_at.to_string(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            last_used_at: session.last_used_at.to_string(),
        }
    }
}

/// One of the account's practices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Membership, example = json!({ "practice_id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Maes & Partners", "world": "test", "role": "staff" }))]
pub struct MembershipOut {
    /// The practice.
    practice_id: String,
    /// Its name.
    name: String,
    /// The Peppol network it works with.
    #[schema(value_type = World)]
    world: &'static str,
    /// The account's role in it.
    role: &'static str,
}

impl From<(Practice, Role)> for MembershipOut {
    fn from((practice, role): (Practice, Role)) -> Self {
        Self {
            practice_id: practice.id.to_string(),
            name: practice.name,
            world: practice.world.as_str(),
            role: role.as_str(),
        }
    }
}

/// A new session with its token.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn, example = json!({
    "token": "klaar_session_ZXhhbXBsZQ",
    "session": { "id": "ses_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "practice_id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Front end", "current": true,
        "authenticated_at": "2026-11-22T09:00:00.000000Z", "created_at": "2026-11-22T09:00:00.000000Z",
        "expires_at": "2026-12-06T09:00:00.000000Z", "last_used_at": "2026-11-22T09:00:00.000000Z" },
    "practices": [{ "practice_id": "prc_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Maes & Partners", "world": "test", "role": "staff" }]
}))]
pub struct SignedInOut {
    /// The bearer token; shown once.
    token: String,
    /// The session.
    session: SessionOut,
    /// The account's practices, to switch between.
    practices: Vec<MembershipOut>,
}

/// The caller's sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionList, example = json!({ "items": [] }))]
pub struct SessionsOut {
    /// Those that have not ended, the newest first.
    items: Vec<SessionOut>,
}

/// Sign in
///
/// Gives a token for one practice, valid for fourteen days. Refusals do not tell whether the address exists.
#[utoipa::path(operation_id = "create_session", tag = "sessions", request_body(content = SessionIn, description = "Address and password."), security(()),
    responses((status = 201, description = "The new session.", body = SignedInOut)))]
#[post("/sessions")]
pub async fn create_session(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<SessionIn>,
) -> Result<Reply, Problem> {
    let peer = peer(&request);
    unblocked(&request, move || {
        let SessionIn { email, password, practice_id, label } = body.value;
        let practice =
            practice_id.map(|text| text.parse::<PracticeId>()).transpose().map_err(|_| Error::WrongCredentials)?;
        let attempt = SignIn { email, password, practice, label: label.unwrap_or_default(), peer };
        let signed_in = identity::sign_in(&state.db, &attempt)?;
        let own = Some(signed_in.session.id);
        let location = format!("/v1/sessions/{}", signed_in.session.id);
        let out = SignedInOut {
            token: signed_in.token,
            session: SessionOut::of(signed_in.session, own),
            practices: signed_in.practices.into_iter().map(MembershipOut::from).collect(),
        };
        Reply::created(location, &out)
    })
    .await
}

/// The network address of whoever asks.
fn peer(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

/// Does what blocks, for whoever needs no right, where it holds up no other request.
async fn unblocked(
    request: &HttpRequest,
    work: impl FnOnce() -> Result<Reply> + Send + 'static,
) -> Result<Reply, Problem> {
    let done = web::block(work).await;
    let done = done.unwrap_or_else(|_| Err(Error::internal("the pool of blocking threads is gone")));
    done.map_err(|error| Problem::of(error, request))
}

/// List own sessions
#[utoipa::path(operation_id = "list_sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, description = "The caller's sessions, in whatever practice; none for an API key.", body = SessionsOut)))]
#[get("/sessions")]
pub async fn list_sessions(may: May<SignedIn>) -> Result<Reply, Problem> {
    may.with_db(|state, caller| {
        let now = state.db.clock().now();
        let sessions = match caller.account {
            Some(account) => state.db.read(|conn| identity::sessions(conn, account, now))?,
            None => Vec::new(),
        };
        Reply::ok(&SessionsOut {
            items: sessions.into_iter().map(|session| SessionOut::of(session, caller.session)).collect(),
        })
    })
    .await
}

/// End a session
///
/// One of the caller's own; its token stops working at once.
#[utoipa::path(operation_id = "delete_session", tag = "sessions", params(("id" = String, Path, description = "The session's identifier.", example = "ses_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = [])), responses((status = 204, description = "The session has ended.")))]
#[delete("/sessions/{id}")]
pub async fn delete_session(may: May<SignedIn>, id: InPath<SessionId>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        identity::revoke_session(tx, caller, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Switch practice
///
/// Lets the caller's own session act in another practice of the same account; the token stays.
#[utoipa::path(operation_id = "switch_practice", tag = "sessions", request_body(content = PracticeChoiceIn, description = "The practice."), security(("bearer" = [])),
    responses((status = 200, description = "The session as it is now.", body = SessionOut), (status = 409, description = "An API key has no session to switch.", body = ProblemOut, content_type = "application/problem+json")))]
#[put("/session/practice")]
pub async fn switch_practice(may: May<SignedIn>, body: Body<PracticeChoiceIn>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let to: PracticeId = body.value.practice_id.parse().map_err(|_| Error::NotFound("practice"))?;
        let (session, _, _) = identity::switch_practice(tx, caller, to)?;
        Reply::ok(&SessionOut::of(session, caller.session))
    })
    .await
}

/// Accept an invitation
///
/// Sets the invited person's password; the token is used up. Sign in afterwards.
#[utoipa::path(operation_id = "accept_invitation", tag = "sessions", request_body(content = AcceptanceIn, description = "Token and password."), security(()),
    responses((status = 204, description = "The password is set.")))]
#[post("/invitation-acceptances")]
pub async fn accept_invitation(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<AcceptanceIn>,
) -> Result<Reply, Problem> {
    unblocked(&request, move || {
        identity::accept_invitation(&state.db, &body.value.token, &body.value.password)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Ask for a new password
///
/// Mails a link to the account's address, if there is such an account; the answer does not tell. The link leads to a page of
/// this server and works for an hour.
#[utoipa::path(operation_id = "create_password_reset", tag = "sessions", request_body(content = PasswordResetIn, description = "The address."), security(()),
    responses((status = 204, description = "If the address has an account, a mail is on its way."),
        (status = 409, description = "This server has not been told of a mail server.", body = ProblemOut, content_type = "application/problem+json")))]
#[post("/password-resets")]
pub async fn create_password_reset(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<PasswordResetIn>,
) -> Result<Reply, Problem> {
    let peer = peer(&request);
    unblocked(&request, move || {
        let keyring = state.mailing().ok_or_else(|| Error::conflict("mail_not_offered"))?;
        identity::request_reset(&state.db, keyring, &body.value.email, &peer)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Set a new password
///
/// By the token in the link of the mail, which is used up. All sessions of the account end.
#[utoipa::path(operation_id = "accept_password_reset", tag = "sessions", request_body(content = PasswordIn, description = "Token and password."), security(()),
    responses((status = 204, description = "The password is set.")))]
#[post("/password-reset-acceptances")]
pub async fn accept_password_reset(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<PasswordIn>,
) -> Result<Reply, Problem> {
    unblocked(&request, move || {
        identity::accept_reset(&state.db, &body.value.token, &body.value.password)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(create_session)
        .service(list_sessions)
        .service(delete_session)
        .service(switch_practice)
        .service(accept_invitation)
        .service(create_password_reset)
        .service(accept_password_reset);
}
