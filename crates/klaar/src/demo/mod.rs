//! `klaar demo`: everything in one process on a SQLite file, with the offline world.

mod sample;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use klaar_domain::identity::{self, NewKey, NewPractice, Practice, Right, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::{Db, Tx};
use klaar_domain::kernel::error::Result;
use klaar_domain::{clients, custom_fields};
use klaar_sandbox::Sandbox;
use klaar_worker::logging;
use serde::{Deserialize, Serialize};

use crate::command::{DemoArgs, Fault, open};
use crate::output::say;
use crate::sandbox::{self, environment};
use crate::{accounts, nightly, serve};

/// What the demo remembers between two runs; its presence marks a folder as the demo's.
const MEMORY: &str = "demo.json";
const SAMPLE: &str = "sample-clients.csv";
/// Locked while a demo runs on the folder.
const LOCK: &str = "demo.lock";

/// The two practices and a key for each. The keys work in this demo alone.
#[derive(Serialize, Deserialize)]
struct Memory {
    filled: Access,
    empty: Access,
}

#[derive(Serialize, Deserialize)]
struct Access {
    practice: String,
    name: String,
    key: String,
}

/// Runs the demo until the process is asked to stop.
pub async fn run(args: DemoArgs) -> Result<(), Fault> {
    std::fs::create_dir_all(&args.folder)?;
    let _alone = alone(&args)?;
    if args.fresh {
        forget(&args.folder)?;
    }
    let sandbox = start_sandbox().await?;
    let settings = Arc::new(settings(&args, &sandbox)?);
    logging::start(&settings).map_err(Fault)?;
    let db = open(&settings)?;
    let memory = match std::fs::read_to_string(args.folder.join(MEMORY)) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => {
            let memory = fill(&db, &args.folder)?;
            let filled = accounts::practice(&db, &memory.filled.practice)?;
            nightly::refresh(&settings, &db, vec![filled]).await?;
            memory
        }
    };
    let shown = (args.folder.clone(), settings.listen, sandbox.page_addr());
    serve::both(Arc::clone(&settings), db, true, move || show(&memory, &shown)).await?;
    sandbox.stop().await;
    Ok(())
}

/// Makes sure, before anything is written or thrown away, that no other demo has this folder and nobody has the address.
/// The folder is this demo's until the file is closed.
fn alone(args: &DemoArgs) -> Result<File, Fault> {
    let lock = File::create(args.folder.join(LOCK))?;
    if lock.try_lock().is_err() {
        return Err(Fault(format!(
            "another demo runs on the data in {}; stop it first, or say --folder and --listen",
            args.folder.display()
        )));
    }
    match TcpListener::bind(args.listen) {
        Ok(_) => Ok(lock),
        Err(fault) => Err(Fault(format!("{}: {fault}; say another one, as in --listen 127.0.0.1:8088", args.listen))),
    }
}

/// Throws the demo's own files away, and nothing of a folder that is not the demo's.
fn forget(folder: &Path) -> std::io::Result<()> {
    if !folder.join(MEMORY).exists() {
        return Ok(());
    }
    for name in ["klaar.db", "klaar.db-wal", "klaar.db-shm", "secret.key", "klaar.toml", SAMPLE, MEMORY] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The offline world on its usual addresses, or on free ones when those are taken.
async fn start_sandbox() -> Result<Sandbox, Fault> {
    let usual = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let at =
        |dns, smp, smtp, page| klaar_sandbox::Settings { dns, smp, smtp, page, ..klaar_sandbox::Settings::default() };
    match sandbox::start(at(usual(5354), usual(8091), usual(2525), usual(8090))).await {
        Ok(sandbox) => Ok(sandbox),
        Err(_) => Ok(sandbox::start(at(usual(0), usual(0), usual(0), usual(0))).await?),
    }
}

/// The demo's settings; also written to `klaar.toml`, so that other commands can work on the same data.
fn settings(args: &DemoArgs, sandbox: &Sandbox) -> Result<Settings, Fault> {
    let mut environment: BTreeMap<String, String> = environment(sandbox)
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    environment.insert("KLAAR_DATABASE_URL".to_owned(), format!("sqlite:{}", args.folder.join("klaar.db").display()));
    environment.insert("KLAAR_LISTEN".to_owned(), args.listen.to_string());
    environment.insert("KLAAR_WORKER_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    let table: toml::Table = environment
        .iter()
        .filter_map(|(k, v)| Some((k.strip_prefix("KLAAR_")?.to_lowercase(), toml::Value::from(v.as_str()))))
        .collect();
    std::fs::write(args.folder.join("klaar.toml"), table.to_string())?;
    environment.insert("KLAAR_LOG".to_owned(), std::env::var("KLAAR_LOG").unwrap_or_else(|_| "warn".to_owned()));
    Ok(Settings::from_sources(BTreeMap::new(), environment)?)
}

/// Makes the two practices, the clients of the first and the list to import into the second.
fn fill(db: &Db, folder: &Path) -> Result<Memory, Fault> {
    let memory = db.write(|tx| {
        let filled = practice(tx, "Maes & Partners")?;
        let empty = practice(tx, "A new practice")?;
        let catalogue = custom_fields::catalogue(tx, &filled)?;
        for client in sample::clients() {
            let values = custom_fields::check_values(tx, &filled, &catalogue, &client.fields, &clients::Values::new())?;
            clients::create(tx, &filled, &Actor::operator(), client.draft, values)?;
        }
        Ok(Memory { filled: access(tx, &filled)?, empty: access(tx, &empty)? })
    })?;
    std::fs::write(folder.join(SAMPLE), sample::list())?;
    std::fs::write(folder.join(MEMORY), serde_json::to_string_pretty(&memory)?)?;
    Ok(memory)
}

fn practice(tx: &mut Tx<'_>, name: &str) -> Result<Practice> {
    let new = NewPractice {
        name: name.to_owned(),
        world: World::Test,
        time_zone: "Europe/Brussels".to_owned(),
        language: "nl".to_owned(),
        enterprise_number: None,
    };
    custom_fields::establish_practice(tx, &Actor::operator(), &new)
}

fn access(tx: &mut Tx<'_>, practice: &Practice) -> Result<Access> {
    let new = NewKey { name: "demo".to_owned(), scopes: Right::ALL.iter().copied().collect(), expires_at: None };
    let (_, key) = identity::create_key(tx, practice, &Actor::operator(), &new)?;
    Ok(Access { practice: practice.id.to_string(), name: practice.name.clone(), key })
}

fn show(memory: &Memory, (folder, api, page): &(std::path::PathBuf, SocketAddr, SocketAddr)) {
    let Memory { filled, empty } = memory;
    say(&format!(
        "Klaar runs. Everything is on this machine, in {folder}; stop it with Ctrl-C, start anew with --fresh.

  API and its description   http://{api}/docs/
  The offline Peppol world  http://{page}/     (mails, faults)
  {filled:<25} {filled_key}
  {empty:<25} {empty_key}

The main job, on the empty practice (in another terminal, in this folder; the sample list has three bad lines on purpose).
OPERATION and CHECK stand for the opn_… and chk_… in the answers before; give each a moment to be done:
  KEY='Authorization: Bearer {empty_key}'; API=http://{api}/v1
  curl -sw '\\n' -H \"$KEY\" -H 'Content-Type: text/csv' --data-binary @{list} \"$API/client-imports?dry_run=true\"
  curl -sw '\\n' -H \"$KEY\" -H 'Content-Type: text/csv' --data-binary @{list} \"$API/client-imports\"
  curl -sw '\\n' -H \"$KEY\" $API/operations                      # how far it is, and what came out
  curl -sw '\\n' -H \"$KEY\" $API/client-imports/OPERATION/findings  # the bad lines, each with its reason
  curl -sw '\\n' -H \"$KEY\" -H 'Content-Type: application/json' -d '{{\"all\":true}}' $API/registration-checks
  curl -sw '\\n' -H \"$KEY\" $API/registration-checks/CHECK/findings
  curl -sw '\\n' -H \"$KEY\" -X POST $API/registration-checks/CHECK/application
  curl -sw '\\n' -H \"$KEY\" -G \"$API/clients?limit=3\" --data-urlencode 'filter={{\"field\":\"registration.state\",\"op\":\"eq\",\"value\":\"registered\"}}'

The night, at once instead of at one o'clock:
  KLAAR_CONFIG={config} {program} nightly",
        list = quoted(&folder.join(SAMPLE).to_string_lossy()),
        config = quoted(&folder.join("klaar.toml").to_string_lossy()),
        program = quoted(&std::env::args().next().unwrap_or_else(|| "klaar".to_owned())),
        folder = folder.display(),
        filled = filled.name,
        filled_key = filled.key,
        empty = empty.name,
        empty_key = empty.key,
    ));
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
