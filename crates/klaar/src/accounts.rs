//! Making practices, members and keys from the command line.

use clap::Args;
use klaar_domain::custom_fields;
use klaar_domain::identity::{self, NewKey, NewMember, NewPractice, Practice, Right, Rights, Role, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Error;
use serde_json::json;

use crate::command::Fault;
use crate::output::{say, say_json};

/// A practice to create.
#[derive(Args)]
pub struct PracticeArgs {
    /// Its name.
    #[arg(long)]
    name: String,
    /// The Peppol network its clients are looked up in; fixed for good.
    #[arg(long, value_name = "test|live")]
    world: World,
    /// IANA time zone: the night is local.
    #[arg(long, default_value = "Europe/Brussels")]
    time_zone: String,
    /// Its first language: nl, fr, de or en.
    #[arg(long, default_value = "nl")]
    language: String,
    /// Its own enterprise number, in any notation.
    #[arg(long)]
    enterprise_number: Option<String>,
    /// Print what was made as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A person to add.
#[derive(Args)]
pub struct MemberArgs {
    /// The practice's identifier or name.
    #[arg(long)]
    practice: String,
    /// The person's e-mail address.
    #[arg(long)]
    email: String,
    /// The person's name.
    #[arg(long)]
    name: String,
    /// The person's language; the practice's when not given.
    #[arg(long)]
    language: Option<String>,
    /// owner, manager, staff or reader.
    #[arg(long, default_value = "owner", value_parser = role)]
    role: Role,
    /// Print what was made as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A key to make.
#[derive(Args)]
pub struct KeyArgs {
    /// The practice's identifier or name.
    #[arg(long)]
    practice: String,
    /// What it is for.
    #[arg(long, default_value = "command line")]
    name: String,
    /// What it may do, as in clients:read,clients:write; everything when not given.
    #[arg(long, value_delimiter = ',', value_parser = right)]
    scopes: Vec<Right>,
    /// Print what was made as one JSON object.
    #[arg(long)]
    json: bool,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|()| "must be owner, manager, staff or reader".to_owned())
}

fn right(text: &str) -> Result<Right, String> {
    let known = Right::ALL.iter().map(|right| right.as_str()).collect::<Vec<_>>().join(", ");
    text.parse().map_err(|()| format!("must be one of {known}"))
}

/// The practice that the person means, or a text that says how to find it.
pub fn practice(db: &Db, text: &str) -> Result<Practice, Fault> {
    db.read(|conn| identity::practice_by_text(conn, text)).map_err(|error| match error {
        Error::NotFound(_) => Fault(format!(
            "there is no practice {text}, or several have that name; `klaar practice list` shows the identifiers"
        )),
        other => other.into(),
    })
}

/// `klaar practice create`.
pub fn create_practice(db: &Db, args: PracticeArgs) -> Result<(), Fault> {
    let new = NewPractice {
        name: args.name,
        world: args.world,
        time_zone: args.time_zone,
        language: args.language,
        enterprise_number: args.enterprise_number,
    };
    let practice = db.write(|tx| custom_fields::establish_practice(tx, &Actor::operator(), &new))?;
    if args.json {
        say_json(&json!({ "id": practice.id.to_string(), "name": practice.name, "world": practice.world.as_str() }));
    } else {
        say(&format!("{} is practice {}.", practice.name, practice.id));
        say(&format!("Next: klaar member create --practice {} --email … --name …", practice.id));
        say(&format!("  or: klaar key create --practice {}", practice.id));
    }
    Ok(())
}

/// How to list.
#[derive(Args)]
pub struct ListArgs {
    /// Print one JSON object a practice.
    #[arg(long)]
    json: bool,
}

/// `klaar practice list`.
pub fn list_practices(db: &Db, args: ListArgs) -> Result<(), Fault> {
    for practice in db.read(identity::all_practices)? {
        if args.json {
            say_json(
                &json!({ "id": practice.id.to_string(), "name": practice.name, "world": practice.world.as_str() }),
            );
        } else {
            say(&format!("{}  {:<4}  {}", practice.id, practice.world.as_str(), practice.name));
        }
    }
    Ok(())
}

/// `klaar member create`.
pub fn create_member(db: &Db, args: MemberArgs) -> Result<(), Fault> {
    let practice = practice(db, &args.practice)?;
    let language = args.language.unwrap_or_else(|| practice.language.clone());
    let new = NewMember { email: args.email, name: args.name, language, role: args.role };
    let (member, token) = db.write(|tx| identity::add_member(tx, &practice, &Actor::operator(), (&new, None)))?;
    if args.json {
        say_json(&json!({ "id": member.id.to_string(), "invitation_token": token }));
        return Ok(());
    }
    say(&format!("{} is {} of {} as {}.", member.account.name, member.role, practice.name, member.id));
    match token {
        Some(token) => {
            say("The person sets a password once, within seven days, with this invitation:");
            say(&format!("  {token}"));
            say("by POST /v1/invitation-acceptances {\"token\": …, \"password\": …}");
        }
        None => say("The person has a password already and can sign in."),
    }
    Ok(())
}

/// `klaar key create`.
pub fn create_key(db: &Db, args: KeyArgs) -> Result<(), Fault> {
    let practice = practice(db, &args.practice)?;
    let scopes: Rights =
        if args.scopes.is_empty() { Right::ALL.iter().copied().collect() } else { args.scopes.into_iter().collect() };
    let new = NewKey { name: args.name, scopes, expires_at: None };
    let (key, secret) = db.write(|tx| identity::create_key(tx, &practice, &Actor::operator(), &new))?;
    if args.json {
        say_json(&json!({ "id": key.id.to_string(), "key": secret, "scopes": key.scopes.names() }));
    } else {
        say(&secret);
        say("Keep it now: it is not shown again. Use it as Authorization: Bearer …");
    }
    Ok(())
}
