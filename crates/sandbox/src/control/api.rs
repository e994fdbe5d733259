//! The JSON side of the control.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, Responder, web};
use serde_json::json;

use crate::{
    control::Refusal, faults::Fault, label::Label, mail::ReadMail, pki::ACCESS_POINTS, script::Script, world::World,
};

type TheWorld = web::Data<World>;

fn done() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

fn done_or_absent(found: bool) -> HttpResponse {
    if found { done() } else { absent() }
}

fn absent() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "error": "not here" }))
}

pub(super) async fn world(world: TheWorld) -> impl Responder {
    let addresses = &world.addresses;
    web::Json(json!({
        "zone": world.zone_name(),
        "alias_zone": format!("alias.{}", world.zone_name()),
        "dns": addresses.dns,
        "smp": world.smp_url(),
        "smtp": addresses.smtp,
        "smtps": addresses.smtps,
        "imap": addresses.imap,
        "imaps": addresses.imaps,
        "page": addresses.page,
        "token_url": world.token_url(),
        "starttls": world.offers_starttls,
        "mail_accounts": world.accounts.len(),
        "access_points": ACCESS_POINTS,
    }))
}

pub(super) async fn root_certificate(world: TheWorld) -> impl Responder {
    HttpResponse::Ok().content_type("application/x-pem-file").body(world.pki.root_pem.clone())
}

pub(super) async fn authorities(world: TheWorld) -> impl Responder {
    HttpResponse::Ok().content_type("application/x-pem-file").body(world.pki.authorities_pem.clone())
}

pub(super) async fn faults(world: TheWorld) -> impl Responder {
    web::Json(world.faults().list())
}

pub(super) async fn add_fault(world: TheWorld, fault: web::Json<Fault>) -> Result<HttpResponse, Refusal> {
    let id = world.faults().add(fault.into_inner())?;
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}

pub(super) async fn set_faults(world: TheWorld, faults: web::Json<Vec<Fault>>) -> Result<HttpResponse, Refusal> {
    world.faults().replace(faults.into_inner())?;
    Ok(done())
}

pub(super) async fn clear_faults(world: TheWorld) -> impl Responder {
    world.faults().clear();
    done()
}

pub(super) async fn remove_fault(world: TheWorld, id: web::Path<u64>) -> impl Responder {
    done_or_absent(world.faults().remove(*id))
}

pub(super) async fn scripts(world: TheWorld) -> impl Responder {
    let scripts = world.scripts();
    HttpResponse::Ok().json(scripts.iter().collect::<BTreeMap<_, _>>())
}

pub(super) async fn set_scripts(
    world: TheWorld,
    scripts: web::Json<BTreeMap<String, Script>>,
) -> Result<HttpResponse, Refusal> {
    for (identifier, script) in scripts.into_inner() {
        world.scripts().insert(&identifier, script)?;
    }
    Ok(done())
}

pub(super) async fn clear_scripts(world: TheWorld) -> impl Responder {
    world.scripts().clear();
    done()
}

pub(super) async fn script(world: TheWorld, identifier: web::Path<String>) -> HttpResponse {
    match world.scripts().given(&Label::of(&identifier)) {
        Some(script) => HttpResponse::Ok().json(script),
        None => absent(),
    }
}

pub(super) async fn set_script(
    world: TheWorld,
    identifier: web::Path<String>,
    script: web::Json<Script>,
) -> Result<HttpResponse, Refusal> {
    world.scripts().insert(&identifier, script.into_inner())?;
    Ok(done())
}

pub(super) async fn remove_script(world: TheWorld, identifier: web::Path<String>) -> impl Responder {
    done_or_absent(world.scripts().remove(&identifier))
}

pub(super) async fn totals(world: TheWorld) -> impl Responder {
    web::Json(world.counters().totals())
}

pub(super) async fn requests(world: TheWorld, identifier: web::Path<String>) -> impl Responder {
    web::Json(world.counters().of(&Label::of(&identifier)))
}

pub(super) async fn reset_counters(world: TheWorld) -> impl Responder {
    world.counters().reset();
    done()
}

pub(super) async fn revoke_access_tokens(world: TheWorld) -> impl Responder {
    world.accounts.revoke_tokens();
    done()
}

pub(super) async fn mails(world: TheWorld) -> impl Responder {
    web::Json(world.mailbox.all().iter().map(|mail| mail.read()).collect::<Vec<ReadMail>>())
}

pub(super) async fn clear_mails(world: TheWorld) -> impl Responder {
    world.mailbox.clear();
    done()
}

pub(super) async fn mail(world: TheWorld, id: web::Path<u64>) -> HttpResponse {
    world.mailbox.get(*id).map_or_else(absent, |mail| HttpResponse::Ok().json(mail.read()))
}

pub(super) async fn mail_source(world: TheWorld, id: web::Path<u64>) -> HttpResponse {
    let source = |mail: crate::Mail| HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(mail.content);
    world.mailbox.get(*id).map_or_else(absent, source)
}
