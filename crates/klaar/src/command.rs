//! The commands and their help.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use klaar_domain::identity::World;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::transfers::Wish;
use klaar_worker::logging;

use crate::{accounts, import, letters, lookup, nightly, output, serve};

/// Gets every client of an accountants' practice ready for Peppol, and keeps them so.
///
/// New here? `klaar demo` shows everything on this machine, without a server and without a network.
#[derive(Parser)]
#[command(name = "klaar", version, after_help = SETTINGS)]
pub struct Command {
    #[command(subcommand)]
    verb: Verb,
}

const SETTINGS: &str = "\
Settings come from the environment (KLAAR_DATABASE_URL, KLAAR_LISTEN, …) or from the TOML file that KLAAR_CONFIG names
(./klaar.toml when it is there). The README lists them all.";

#[derive(Subcommand)]
enum Verb {
    /// Run the API, and the worker with it.
    Serve(ServeArgs),
    /// Show everything at once: a filled practice, an empty one, an offline Peppol network, the API on 127.0.0.1:8080.
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Run the offline world alone: DNS, SMP, a mail server with a page that shows the mails, and switchable faults.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Bring the database's schema up to date, then stop. `serve` and the worker do it at their start, too.
    Migrate,
    /// Write every mail of the product itself, in every language and with sample values, into a folder: to look at them, and
    /// to try those of your own (KLAAR_EMAIL_TEMPLATES).
    Letters {
        /// The folder; it is made when it is not there.
        folder: std::path::PathBuf,
    },
    /// Print the API's OpenAPI description.
    Openapi,
    /// Take a client list (CSV or XLSX) into a practice; one bad line never stops the others.
    Import(ImportArgs),
    /// Refresh every client's registration now, as the worker does each night, and print the report.
    Nightly(nightly::NightlyArgs),
    /// Ask the Peppol network about participants; needs no database.
    Lookup(LookupArgs),
    /// Practices.
    #[command(subcommand)]
    Practice(PracticeVerb),
    /// People of a practice.
    #[command(subcommand)]
    Member(MemberVerb),
    /// API keys.
    #[command(subcommand)]
    Key(KeyVerb),
}

#[derive(Args)]
struct ServeArgs {
    /// Leave the jobs to klaar-worker processes beside this one.
    #[arg(long)]
    no_worker: bool,
}

/// How to run the demo.
#[cfg(feature = "sandbox")]
#[derive(Args)]
pub struct DemoArgs {
    /// Throw the demo's data away and start anew.
    #[arg(long)]
    pub fresh: bool,
    /// The folder for the demo's data.
    #[arg(long, default_value = "klaar-data")]
    pub folder: std::path::PathBuf,
    /// Where the API listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
}

/// Where the offline world listens.
#[cfg(feature = "sandbox")]
#[derive(Args)]
pub struct SandboxArgs {
    /// DNS (UDP and TCP); point KLAAR_DNS at it.
    #[arg(long, default_value = "127.0.0.1:5354")]
    pub dns: std::net::SocketAddr,
    /// The SMP.
    #[arg(long, default_value = "127.0.0.1:8091")]
    pub smp: std::net::SocketAddr,
    /// The mail server; point KLAAR_SMTP_URL at it, or a sender.
    #[arg(long, default_value = "127.0.0.1:2525")]
    pub smtp: std::net::SocketAddr,
    /// The page with the mails, and the addresses to switch faults.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub page: std::net::SocketAddr,
}

#[derive(Args)]
struct ImportArgs {
    /// The practice's identifier or name.
    #[arg(long)]
    practice: String,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
    /// The sheet of a workbook; the first one that people see when not given.
    #[arg(long)]
    sheet: Option<String>,
    /// The list, a CSV file or an XLSX workbook. What it is, separator, encoding and the names of its columns are recognised.
    file: std::path::PathBuf,
}

#[derive(Args)]
struct LookupArgs {
    /// The network to ask.
    #[arg(long, value_name = "test|live", default_value = "live")]
    world: World,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Refuse identifiers whose check digits are wrong instead of asking as they stand.
    #[arg(long)]
    strict: bool,
    /// Participant identifiers, as in 0208:0403227515; - for standard input, one on a line.
    #[arg(required = true)]
    ids: Vec<String>,
}

#[derive(Subcommand)]
enum PracticeVerb {
    /// Create a practice with the delivered PEPPOL fields.
    Create(accounts::PracticeArgs),
    /// List the practices with their identifiers.
    List(accounts::ListArgs),
}

#[derive(Subcommand)]
enum MemberVerb {
    /// Add a person; prints a one-time invitation to set a password with.
    Create(accounts::MemberArgs),
}

#[derive(Subcommand)]
enum KeyVerb {
    /// Make an API key; it is printed once.
    Create(accounts::KeyArgs),
}

/// Why a command stops, as a text for the person at the keyboard.
pub struct Fault(pub String);

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Runs what was asked for.
pub async fn run(command: Command) -> Result<ExitCode, Fault> {
    match command.verb {
        Verb::Serve(args) => serve::run(settings()?, !args.no_worker).await?,
        #[cfg(feature = "sandbox")]
        Verb::Demo(args) => crate::demo::run(args).await?,
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => crate::sandbox::run(args).await?,
        Verb::Migrate => {
            open(&*settings()?)?;
            output::say("The database is up to date.");
        }
        Verb::Letters { folder } => letters::write(&*settings()?, &folder)?,
        Verb::Openapi => output::say(&klaar_api::openapi().to_pretty_json()?),
        Verb::Import(args) => {
            let db = open(&*settings()?)?;
            let practice = accounts::practice(&db, &args.practice)?;
            let wish = Wish { dry_run: args.dry_run, sheet: args.sheet, ..Wish::default() };
            import::run(&db, &practice, &args.file, &wish, args.json)?;
        }
        Verb::Nightly(args) => {
            let settings = settings()?;
            nightly::run(&settings, &open(&settings)?, args).await?;
        }
        Verb::Lookup(args) => return look_up(args).await,
        Verb::Practice(PracticeVerb::Create(args)) => accounts::create_practice(&open(&*settings()?)?, args)?,
        Verb::Practice(PracticeVerb::List(args)) => accounts::list_practices(&open(&*settings()?)?, args)?,
        Verb::Member(MemberVerb::Create(args)) => accounts::create_member(&open(&*settings()?)?, args)?,
        Verb::Key(KeyVerb::Create(args)) => accounts::create_key(&open(&*settings()?)?, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn look_up(args: LookupArgs) -> Result<ExitCode, Fault> {
    let ids = if args.ids == ["-"] { lookup::Input::Lines } else { lookup::Input::Arguments(args.ids) };
    let form = if args.json { lookup::Form::Json } else { lookup::Form::Text };
    let wrong = if args.strict { lookup::WrongNumbers::Refuse } else { lookup::WrongNumbers::Ask };
    Ok(lookup::run(&*settings()?, args.world, ids, form, wrong).await?)
}

/// The settings, with logs started.
fn settings() -> Result<Arc<Settings>, Fault> {
    let settings = Arc::new(Settings::load()?);
    logging::start(&settings).map_err(Fault)?;
    Ok(settings)
}

/// The database, up to date.
pub fn open(settings: &Settings) -> Result<Db, Fault> {
    let db = Db::open(&settings.database, settings.database_connections, Clock::system())?;
    db.migrate()?;
    Ok(db)
}
