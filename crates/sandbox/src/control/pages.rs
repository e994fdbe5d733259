//! The pages: what world this is, and one mail.

use actix_web::{HttpResponse, http::header::CONTENT_SECURITY_POLICY, web};

use crate::{
    control::html::{Escaped, STYLE, facts, page},
    mail::ReadMail,
    pki::ACCESS_POINTS,
    world::World,
};

/// Nothing but the sandbox's own style sheet.
const STRICT: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A frame with a mail inherits the page's policy, so this one allows what a mail's looks are made of: styles in the
/// text and pictures in the text. Scripts, forms and anything fetched stay out.
const WITH_MAIL: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; \
                         form-action 'none'; frame-ancestors 'none'";
/// Mails listed on the first page.
const LISTED: usize = 100;

fn html(policy: &'static str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .body(text)
}

pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

/// The first page.
pub(super) async fn world(world: web::Data<World>) -> HttpResponse {
    let body = format!(
        "<h1>Klaar sandbox</h1><p>An offline Peppol and mail world. Nothing here is real: identifiers get an answer from \
         their hash, access points are invented, mails are kept and never delivered.</p>\
         <h2>Addresses</h2>{}<h2>Faults in force</h2>{}<h2>Asked so far</h2>{}<h2>Access points</h2>{}<h2>Mails</h2>{}",
        addresses(&world),
        faults(&world),
        counted(&world),
        facts(
            ACCESS_POINTS.iter().map(|ap| (ap.seat_id, Escaped(format!("{} ({})", ap.name, ap.country)).to_string()))
        ),
        mails(&world),
    );
    html(STRICT, page("Klaar sandbox", &body))
}

fn addresses(world: &World) -> String {
    let at = &world.addresses;
    facts([
        ("DNS (UDP, TCP)", at.dns.to_string()),
        ("Zone", Escaped(world.zone_name()).to_string()),
        ("SMP", world.smp_url()),
        ("Mail (SMTP)", format!("{}{}", at.smtp, if world.offers_starttls { ", with STARTTLS" } else { "" })),
        ("Mail (SMTP over TLS)", at.smtps.to_string()),
        ("Mail that comes back (IMAP, IMAP over TLS)", format!("{}, {}", at.imap, at.imaps)),
        ("Mail accounts", mail_accounts(world)),
        ("Control", format!("http://{}/api/world", at.page)),
        ("Scripted participants", world.scripts().len().to_string()),
        ("Root certificate", "<a href=\"/api/root.pem\">root.pem</a>".to_owned()),
    ])
}

fn mail_accounts(world: &World) -> String {
    match world.accounts.len() {
        0 => "none: nobody has to sign in".to_owned(),
        some => format!("{some}; access tokens from {}", world.token_url()),
    }
}

fn faults(world: &World) -> String {
    let faults = world.faults().list();
    let example = format!(
        "<pre>curl -X POST http://{}/api/faults -H 'content-type: application/json' -d '{}'\n\
         curl -X DELETE http://{}/api/faults</pre>",
        world.addresses.page,
        Escaped(r#"{"effect":{"dns":"servfail"},"share":20}"#),
        world.addresses.page,
    );
    if faults.is_empty() {
        return format!("<p>None: everything answers as it should.</p>{example}");
    }
    let rows: String = faults
        .iter()
        .map(|shown| {
            let effect = serde_json::to_string(&shown.fault.effect).unwrap_or_default();
            let named = match shown.fault.only.as_slice() {
                [] => "everybody".to_owned(),
                [one] => one.clone(),
                many => format!("{} named", many.len()),
            };
            let left = shown.fault.times.map(|times| format!(", {times} times left")).unwrap_or_default();
            let whom = format!("{} % of {named}{left}, struck {} times", shown.fault.share, shown.struck);
            format!("<tr><th>{}</th><td><code>{}</code><br>{}</td></tr>", shown.id, Escaped(effect), Escaped(whom))
        })
        .collect();
    format!("<table>{rows}</table>{example}")
}

fn counted(world: &World) -> String {
    let totals = world.counters().totals();
    facts([
        ("NAPTR queries", totals.dns.to_string()),
        ("Service groups", totals.groups.to_string()),
        ("Service metadata", totals.metadata.to_string()),
        ("Identifiers", totals.identifiers.to_string()),
        ("SMTP connections", format!("{}, at most {} at once", totals.smtp_connections, totals.most_smtp_connections)),
        ("Mails taken", totals.mails.to_string()),
        ("Access tokens asked for", totals.token_requests.to_string()),
    ])
}

fn mails(world: &World) -> String {
    let mails = world.mailbox.all();
    if mails.is_empty() {
        return "<p>None yet.</p>".to_owned();
    }
    let items: String = mails
        .iter()
        .rev()
        .take(LISTED)
        .map(|mail| {
            let read = mail.read();
            format!(
                "<li><a href=\"/mails/{}\">{}</a><br><span class=\"quiet\">{} → {}; {}</span></li>",
                read.id,
                Escaped(subject(&read)),
                Escaped(&read.sender),
                Escaped(read.recipients.join(", ")),
                Escaped(way(&read)),
            )
        })
        .collect();
    format!("<p class=\"quiet\">{} kept, the newest first</p><ul class=\"mails\">{items}</ul>", mails.len())
}

/// How a mail came in.
fn way(read: &ReadMail) -> String {
    let cover = if read.over_tls { "over TLS" } else { "in clear text" };
    match &read.account {
        Some(account) => format!("{cover}, signed in as {account}"),
        None => format!("{cover}, without sign-in"),
    }
}

fn subject(read: &ReadMail) -> &str {
    if read.subject.is_empty() { "(no subject)" } else { &read.subject }
}

/// One mail.
pub(super) async fn mail(world: web::Data<World>, id: web::Path<u64>) -> HttpResponse {
    let Some(mail) = world.mailbox.get(*id) else {
        return HttpResponse::NotFound()
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, STRICT))
            .body(page("No such mail", "<h1>No such mail</h1><p><a href=\"/\">Back</a></p>"));
    };
    let read = mail.read();
    let envelope = facts([
        ("Envelope from", Escaped(&read.sender).to_string()),
        ("Envelope to", Escaped(read.recipients.join(", ")).to_string()),
        ("Came", Escaped(way(&read)).to_string()),
    ]);
    let headers = facts(read.headers.iter().map(|(name, value)| (name.as_str(), Escaped(value).to_string())));
    let text = read.text.as_ref().map(|text| format!("<h2>Text</h2><pre>{}</pre>", Escaped(text)));
    // An empty sandbox attribute forbids scripts, forms, pop-ups and the mail's own origin.
    let framed = |html: &String| {
        format!("<h2>HTML</h2><iframe sandbox=\"\" title=\"HTML part\" srcdoc=\"{}\"></iframe>", Escaped(html))
    };
    let body = format!(
        "<p><a href=\"/\">All mails</a></p><h1>{}</h1>{envelope}{}{}{}<h2>Headers</h2>{headers}\
         <p><a href=\"/api/mails/{}/source\">Source</a></p>",
        Escaped(subject(&read)),
        text.unwrap_or_default(),
        read.html.as_ref().map(framed).unwrap_or_default(),
        attachments(&read),
        read.id,
    );
    html(WITH_MAIL, page(subject(&read), &body))
}

fn attachments(read: &ReadMail) -> String {
    if read.attachments.is_empty() {
        return String::new();
    }
    let rows = read.attachments.iter().map(|attachment| {
        let name = attachment.name.as_deref().unwrap_or("(no name)");
        (name, Escaped(format!("{}, {} bytes", attachment.content_type, attachment.bytes)).to_string())
    });
    format!("<h2>Attachments</h2>{}", facts(rows))
}
