//! What the cases stand on: a running Klaar over one database, the mail server beside it, a practice and its caller.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use klaar_domain::custom_fields;
use klaar_domain::identity::{self, NewKey, NewPractice, Right, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{Address, Db};
use klaar_sandbox::{Sandbox, Settings};
use serde_json::{Value, json};

use crate::api::Api;
use crate::programs::{Chance, Fallible, Program, Services, free_port};
use crate::receiver::{KEPT, Receiver};

/// Seconds for one step of a dialogue with a mail server. A row that was being sent is given up on after five of them and ten.
pub const STEP: u64 = 2;
/// Connections to a mail server at once, in one process; the usual number.
pub const CONNECTIONS: u64 = 4;

/// One running Klaar over one database.
pub struct Ground {
    pub database: &'static str,
    address: String,
    redis: Option<String>,
    pub sandbox: Arc<Sandbox>,
    pub receiver: Arc<Receiver>,
    pub servers: Vec<Program>,
    /// Where jobs run; on SQLite they run in the servers.
    pub workers: Vec<Program>,
    pub services: Option<Services>,
    pub chance: Chance,
    pub api: Api,
    pub template: Value,
    pub all_hold: bool,
}

/// Makes a practice; returns a key that may do everything there.
fn establish(address: &str) -> Fallible<String> {
    let db = Db::open(&Address::parse(address)?, 1, Clock::system())?;
    let (actor, new) = (
        Actor::operator(),
        NewPractice {
            name: "Maes".to_owned(),
            world: World::Test,
            time_zone: "Europe/Brussels".to_owned(),
            language: "nl".to_owned(),
            enterprise_number: None,
        },
    );
    let practice = db.write(|tx| custom_fields::establish_practice(tx, &actor, &new))?;
    let key = NewKey { name: "faults".to_owned(), scopes: Right::ALL.iter().copied().collect(), expires_at: None };
    let (_, secret) = db.write(|tx| identity::create_key(tx, &practice, &actor, &key))?;
    Ok(secret)
}

impl Ground {
    /// Starts one server, and a worker when there is a Redis, over an empty database.
    pub async fn open(address: &str, redis: Option<&str>) -> Fallible<Self> {
        let settings = Settings { kept_mails: KEPT, offers_starttls: true, ..Settings::default() };
        let sandbox = Arc::new(Sandbox::start(settings).await?);
        // The mail server that the driver has started has a root of its own.
        let other = std::env::var_os("MAIL_ROOTS").map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        std::fs::write("roots.pem", format!("{}{other}", sandbox.root_certificate_pem()))?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        let mut ground = Self {
            database: if address.starts_with("sqlite:") { "sqlite" } else { "postgres" },
            address: address.to_owned(),
            redis: redis.map(str::to_owned),
            receiver: Receiver::begin(sandbox.clone()),
            sandbox,
            servers: Vec::new(),
            workers: Vec::new(),
            services: Services::found(),
            chance: Chance(23),
            api: Api { base: String::new(), key: String::new(), http },
            template: Value::Null,
            all_hold: true,
        };
        ground.add_server().await?;
        ground.api.base = ground.servers.first().map(|server| server.ready.replace("/readyz", "")).unwrap_or_default();
        ground.api.key = establish(address)?;
        if redis.is_some() {
            ground.add_worker().await?;
        }
        ground.template = ground.api.template().await?;
        Ok(ground)
    }

    async fn add_server(&mut self) -> Fallible<()> {
        let mut server = self.program(&format!("server{}", self.servers.len()), "KLAAR_LISTEN")?;
        server.start().await?;
        self.servers.push(server);
        Ok(())
    }

    /// One more process that runs jobs.
    pub async fn add_worker(&mut self) -> Fallible<()> {
        if self.redis.is_none() {
            return self.add_server().await;
        }
        let mut worker = self.program(&format!("worker{}", self.workers.len()), "KLAAR_WORKER_LISTEN")?;
        worker.start().await?;
        self.workers.push(worker);
        Ok(())
    }

    /// Ends the processes that run jobs beside the first one.
    pub async fn one_worker(&mut self) -> Fallible<()> {
        for programs in [&mut self.workers, &mut self.servers] {
            for mut other in programs.drain(1.min(programs.len())..) {
                other.stop().await?;
            }
        }
        Ok(())
    }

    /// A program that answers at the address of the setting `listens`.
    fn program(&self, name: &str, listens: &str) -> Fallible<Program> {
        let is_server = listens == "KLAAR_LISTEN";
        let variable = if is_server { "KLAAR" } else { "KLAAR_WORKER" };
        let binary = std::env::var_os(variable).ok_or(format!("{variable} names no program"))?;
        let here = format!("127.0.0.1:{}", free_port()?);
        let mut settings = BTreeMap::from([
            ("KLAAR_DATABASE_URL", self.address.clone()),
            ("KLAAR_SECRET_KEY", "faults:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
            ("KLAAR_RATE_LIMIT", "0".to_owned()),
            ("KLAAR_LOG", "warn".to_owned()),
            // Nobody answers there: a night that begins meanwhile must not ask the world.
            ("KLAAR_DNS", "127.0.0.1:9".to_owned()),
            ("KLAAR_LISTEN", format!("127.0.0.1:{}", free_port()?)),
            ("KLAAR_WORKER_LISTEN", format!("127.0.0.1:{}", free_port()?)),
            ("KLAAR_SMTP_URL", format!("smtp://{}", self.sandbox.smtp_addr())),
            ("KLAAR_MAIL_FROM", "klaar@host.example".to_owned()),
            ("KLAAR_SMTP_TIMEOUT", STEP.to_string()),
            ("KLAAR_SMTP_CONNECTIONS", CONNECTIONS.to_string()),
            ("KLAAR_SMTP_ALLOW_PRIVATE", "true".to_owned()),
            ("KLAAR_SMTP_ROOTS", "roots.pem".to_owned()),
        ]);
        settings.insert(listens, here.clone());
        settings.extend(self.redis.clone().map(|url| ("KLAAR_REDIS_URL", url)));
        Ok(Program {
            binary: binary.into(),
            arguments: match (is_server, &self.redis) {
                (true, None) => vec!["serve"],
                (true, Some(_)) => vec!["serve", "--no-worker"],
                (false, _) => Vec::new(),
            },
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            log: PathBuf::from(format!("{name}.log")),
            ready: format!("http://{here}/readyz"),
            child: None,
        })
    }

    /// The first process that runs jobs.
    pub fn sends(&mut self) -> Fallible<&mut Program> {
        self.workers.first_mut().or_else(|| self.servers.first_mut()).ok_or_else(|| "nobody works".into())
    }

    /// Takes in clients, each with an address of its own in the town that its group is called.
    pub async fn import(&self, groups: &[&str], of_each: usize) -> Fallible<()> {
        let mut list = "Naam;E-mail;Gemeente\n".to_owned();
        for group in groups {
            for number in 0..of_each {
                writeln!(list, "Client {group} {number:05};{};{group}", address(group, number))?;
            }
        }
        self.api.import(list, groups.len() * of_each).await
    }

    /// Prints the line of a case.
    pub fn say(&mut self, case: &str, facts: Value, holds: bool) {
        let holds = holds && self.receiver.missed() == 0;
        let mut line = json!({ "case": case, "database": self.database });
        if let (Some(line), Value::Object(facts)) = (line.as_object_mut(), facts) {
            line.extend(facts);
            line.insert("holds".to_owned(), json!(holds));
        }
        self.all_hold &= holds;
        #[expect(clippy::print_stdout, reason = "this is what the example is for")]
        {
            println!("{line}");
        }
    }
}

/// The address of a client.
pub fn address(group: &str, number: usize) -> String {
    format!("c{number:05}@{group}.example")
}
