//! The people of the practice.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{delete, get, patch, post};
use klaar_domain::identity::{self, Member, MemberId, NewMember, Role};
use klaar_domain::kernel::error::{Error, FieldError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, May, MembersManage, SeenRevision};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::{EmailAddress, LanguageWord, RoleWord};

/// A person to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMember, example = json!({ "email": "celine@maes.example", "name": "Céline Maes", "language": "fr", "role": "staff" }))]
pub struct MemberIn {
    /// The person's e-mail address, with which the person signs in.
    #[schema(value_type = EmailAddress)]
    email: String,
    /// The person's name, up to 200 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: String,
    /// The person's language; the practice's when not given.
    #[schema(value_type = Option<LanguageWord>)]
    language: Option<String>,
    /// What the person may do, as a bundle of rights.
    #[schema(value_type = RoleWord)]
    role: String,
}

/// A change to a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberPatch, example = json!({ "role": "manager" }))]
pub struct MemberPatch {
    /// What the person may do, as a bundle of rights.
    #[schema(value_type = RoleWord)]
    role: String,
}

/// A person of the practice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member, example = json!({
    "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes", "email": "celine@maes.example", "language": "fr", "role": "staff",
    "rights": ["clients:read", "clients:write"], "active": true, "revision": 1, "created_at": "2026-11-20T09:00:00.000000Z"
}))]
pub struct MemberOut {
    /// The member's identifier.
    id: String,
    /// The person's name.
    name: String,
    /// The person's e-mail address.
    email: String,
    /// The person's language.
    language: String,
    /// What the person may do, as a bundle.
    role: &'static str,
    /// What the person may do, one by one.
    rights: Vec<&'static str>,
    /// The person has set a password.
    active: bool,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When the person was added.
    created_at: String,
}

impl From<Member> for MemberOut {
    fn from(member: Member) -> Self {
        Self {
            id: member.id.to_string(),
            name: member.account.name,
            email: member.account.email,
            language: member.account.language,
            role: member.role.as_str(),
            rights: member.role.rights().names(),
            active: member.active,
            revision: member.revision,
            created_at: member.created_at.to_string(),
        }
    }
}

/// A member and, for a person without a password, the invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitedMember, example = json!({
    "member": { "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes", "email": "celine@maes.example", "language": "fr", "role": "staff",
        "rights": ["clients:read"], "active": false, "revision": 1, "created_at": "2026-11-20T09:00:00.000000Z" },
    "invitation_token": "klaar_invite_ZXhhbXBsZQ", "mailed": false
}))]
pub struct InvitedOut {
    /// The member.
    member: MemberOut,
    /// Shown once, valid for seven days: hand it to the person, who sets a password with it. Null when the person has one, or
    /// gets the invitation by mail.
    invitation_token: Option<String>,
    /// The invitation is on its way to the person.
    mailed: bool,
}

/// All members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberList, example = json!({ "items": [] }))]
pub struct MembersOut {
    /// The members by name.
    items: Vec<MemberOut>,
}

fn role(text: &str) -> Result<Role> {
    text.parse().map_err(|()| {
        Error::Invalid(vec![FieldError::new("/role", "unknown_value").with("values", "owner, manager, staff, reader")])
    })
}

/// List members
#[utoipa::path(operation_id = "list_members", tag = "practice", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "All members by name.", body = MembersOut)))]
#[get("/members")]
pub async fn list_members(may: May<ClientsRead>) -> Result<Reply, Problem> {
    may.read(|conn, caller| {
        let items = identity::members(conn, &caller.practice)?.into_iter().map(MemberOut::from).collect();
        Reply::ok(&MembersOut { items })
    })
    .await
}

/// Add a member
///
/// A person without a password gets a one-time invitation: by mail where the server has been told of a mail server, and
/// otherwise as a token in this answer alone.
#[utoipa::path(operation_id = "create_member", tag = "practice", request_body(content = MemberIn, description = "The person."), security(("bearer" = ["members:manage"])),
    responses((status = 201, description = "The new member.", body = InvitedOut)))]
#[post("/members")]
pub async fn create_member(
    may: May<MembersManage>,
    state: Data<State>,
    body: Body<MemberIn>,
) -> Result<Reply, Problem> {
    let state = Arc::clone(&state);
    may.once(body.hash, move |tx, caller| {
        let MemberIn { email, name, language, role: wanted } = body.value;
        let language = language.unwrap_or_else(|| caller.practice.language.clone());
        let new = NewMember { email, name, language, role: role(&wanted)? };
        let mailing = state.mailing();
        let (member, invitation_token) = identity::add_member(tx, &caller.practice, &caller.actor, (&new, mailing))?;
        let (location, revision) = (format!("/v1/members/{}", member.id), member.revision);
        let mailed = mailing.is_some() && !member.active;
        let out = InvitedOut { member: member.into(), invitation_token, mailed };
        Ok(Reply::created(location, &out)?.tagged(revision))
    })
    .await
}

/// Read a member
#[utoipa::path(operation_id = "get_member", tag = "practice", params(("id" = String, Path, description = "The member's identifier.", example = "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The member.", body = MemberOut)))]
#[get("/members/{id}")]
pub async fn get_member(may: May<ClientsRead>, id: InPath<MemberId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let member = identity::member(conn, &caller.practice, id.get()?)?;
        let revision = member.revision;
        Ok(Reply::ok(&MemberOut::from(member))?.tagged(revision))
    })
    .await
}

/// Change a member's role
#[utoipa::path(operation_id = "update_member", tag = "practice", request_body(content = MemberPatch, description = "The new role."),
    params(("id" = String, Path, description = "The member's identifier.", example = "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["members:manage"])), responses((status = 200, description = "The member as it is now.", body = MemberOut)))]
#[patch("/members/{id}")]
pub async fn update_member(
    may: May<MembersManage>,
    id: InPath<MemberId>,
    seen: SeenRevision,
    body: Body<MemberPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let member = identity::member(tx, &caller.practice, id.get()?)?;
        let member =
            identity::change_role(tx, &caller.practice, &caller.actor, &member, (seen.0, role(&body.value.role)?))?;
        let revision = member.revision;
        Ok(Reply::ok(&MemberOut::from(member))?.tagged(revision))
    })
    .await
}

/// Remove a member
///
/// Ends the person's sessions in this practice. The account and its other practices stay.
#[utoipa::path(operation_id = "delete_member", tag = "practice", params(("id" = String, Path, description = "The member's identifier.", example = "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["members:manage"])), responses((status = 204, description = "The person is no member any more.")))]
#[delete("/members/{id}")]
pub async fn delete_member(may: May<MembersManage>, id: InPath<MemberId>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        identity::remove_member(tx, &caller.practice, &caller.actor, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Invite a member again
///
/// Makes a new invitation for a person who has not set a password yet, and mails it where it can; the one before stops working.
#[utoipa::path(operation_id = "invite_member", tag = "practice", params(("id" = String, Path, description = "The member's identifier.", example = "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["members:manage"])), responses((status = 201, description = "The new invitation.", body = InvitedOut)))]
#[post("/members/{id}/invitations")]
pub async fn invite_member(
    may: May<MembersManage>,
    state: Data<State>,
    id: InPath<MemberId>,
) -> Result<Reply, Problem> {
    let state = Arc::clone(&state);
    may.once(Vec::new(), move |tx, caller| {
        let mailing = state.mailing();
        let (member, token) = identity::invite_again(tx, &caller.practice, &caller.actor, (id.get()?, mailing))?;
        let location = format!("/v1/members/{}", member.id);
        let out = InvitedOut { member: member.into(), invitation_token: token, mailed: mailing.is_some() };
        Reply::created(location, &out)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_members)
        .service(create_member)
        .service(get_member)
        .service(update_member)
        .service(delete_member)
        .service(invite_member);
}
