//! What the driver of faulty nights runs: a practice of 10,000 clients, the offline network in this process, and a clock
//! that is moved on from one moment at which the night goes on to the next. `fault_night DATABASE_URL [CLIENTS]` works in
//! an empty database and prints one JSON line a night; it ends with 2 when a line does not hold.
//!
//! After a good first night comes for each fault one whole night of it and a good night. `lost` counts the clients that
//! show another registration or access point than they should, `twice` the nights that a date has had too many.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use klaar_domain::clients;
use klaar_domain::custom_fields;
use klaar_domain::identity::{NewPractice, Practice, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::page::MAX_LIMIT;
use klaar_domain::lookups::network::Network;
use klaar_domain::lookups::{self, NightReport};
use klaar_domain::transfers::{self, Wish};
use klaar_domain::views::{Asker, Listing, Lists};
use klaar_sandbox::{DnsEffect, Effect, Fault, Registration, Sandbox, Script, SmpEffect};
use klaar_worker::Runtime;
use serde_json::{Value, json};

/// A Sunday in winter, when Brussels is an hour ahead of UTC, and so it is in all nights that follow.
const BEGINNING: &str = "2026-11-22T09:00:00Z";
const DAY: i64 = 86_400;
/// Of each participant; less than what makes the night pause, so that every client is asked while others fail.
const SOME: u8 = 20;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// What a client shows, by enterprise number: state, why it cannot receive, seat and name of the access point. The cause of
/// a look-up that failed is no part of it: it stands beside a value that stays.
type Shown = BTreeMap<String, [Option<String>; 4]>;

struct Field {
    lists: Lists,
    db: Db,
    clock: Clock,
    settings: Arc<Settings>,
    network: Network,
    sandbox: Sandbox,
    practice: Practice,
    database: &'static str,
    all_hold: bool,
}

#[tokio::main]
async fn main() -> Fallible<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("say: fault_night DATABASE_URL [CLIENTS]")?;
    let count = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let mut field = Field::open(&address, count).await?;
    let known = field.first_night(count).await?;
    for (name, effect) in faults() {
        for share in [100, SOME] {
            field.faulty_night((name, share), &effect, &known).await?;
            field.healing_night((name, share), &known).await?;
        }
    }
    field.disappearance(known).await?;
    Ok(if field.all_hold { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn faults() -> [(&'static str, Effect); 8] {
    [
        ("nxdomain", Effect::Dns(DnsEffect::Nxdomain)),
        ("servfail", Effect::Dns(DnsEffect::Servfail)),
        ("dns_time_out", Effect::Dns(DnsEffect::Timeout)),
        ("smp_time_out", Effect::Smp(SmpEffect::Hang)),
        ("smp_500", Effect::Smp(SmpEffect::server_error())),
        ("smp_404_while_dns_resolves", Effect::SmpGroup(SmpEffect::not_found())),
        ("smp_429", Effect::Smp(SmpEffect::too_many_requests(30))),
        ("broken_xml", Effect::Smp(SmpEffect::BrokenXml)),
    ]
}

/// The n-th enterprise number, with its check digits.
fn number(n: u32) -> String {
    let first = 4_000_000 + n;
    format!("{first:08}{:02}", 97 - first % 97)
}

impl Field {
    async fn open(address: &str, count: u32) -> Fallible<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(klaar_sandbox::Settings::default()).await?;
        let settings = Arc::new(settings(address, &sandbox)?);
        let clock = Clock::frozen(Instant::parse(BEGINNING)?);
        let db = Db::open(&settings.database, settings.database_connections, clock.clone())?;
        db.migrate()?;
        let new = NewPractice {
            name: "Maes".to_owned(),
            world: World::Test,
            time_zone: "Europe/Brussels".to_owned(),
            language: "nl".to_owned(),
            enterprise_number: None,
        };
        let practice = db.write(|tx| custom_fields::establish_practice(tx, &Actor::operator(), &new))?;
        let network = Network::new(&settings.lookups, clock.clone())?;
        let database = if address.starts_with("sqlite:") { "sqlite" } else { "postgres" };
        let lists = Lists::new(64 << 20);
        let field = Self { lists, db, clock, settings, network, sandbox, practice, database, all_hold: true };
        field.import(count)?;
        Ok(field)
    }

    /// Takes in a list as the command `klaar import` does.
    fn import(&self, count: u32) -> Fallible<()> {
        let mut list = "Naam;Ondernemingsnummer\n".to_owned();
        for n in 0..count {
            writeln!(list, "Klant {n:05};{}", number(n))?;
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("clients.csv");
        std::fs::write(&path, list)?;
        let report = transfers::import_file(&self.db, &self.practice, &Actor::operator(), &path, &Wish::default())?;
        if report.counts.created == i64::from(count) {
            Ok(())
        } else {
            Err(format!("the import has not created all clients: {:?}", report.counts).into())
        }
    }

    /// What all clients show, and how many of them the last night learned nothing about.
    fn shown(&self) -> Fallible<(Shown, usize)> {
        let (mut shown, mut silent) = (Shown::new(), 0);
        let asker = Asker { practice: &self.practice, me: None, key: None, now: self.clock.now() };
        let (keys, _) = self.db.read(|conn| self.lists.keys(conn, &asker, &Listing::default(), &[]))?;
        for chunk in keys.chunks(500) {
            for client in self.db.read(|conn| clients::with_keys(conn, &self.practice, chunk))?.0 {
                let facts = client.facts;
                silent += usize::from(facts.unknown_since.is_some() || facts.checked_at.is_none());
                let number = client.card.enterprise_number.unwrap_or_default();
                shown.insert(number, [facts.state.clone(), facts.own_cause(), facts.seat, facts.name]);
            }
        }
        Ok((shown, silent))
    }

    /// Has the scheduler begin what is due at the present moment, and runs what is due.
    async fn tick(&self) -> Fallible<()> {
        for schedule in klaar_worker::schedules().iter().filter(|schedule| schedule.name() == "begin_nights") {
            schedule.tick(&self.db, self.clock.now())?;
        }
        self.run_jobs().await
    }

    async fn run_jobs(&self) -> Fallible<()> {
        let runtime = Runtime::new(self.db.clone(), self.settings.clone()).share(self.network.clone());
        klaar_worker::run_due(runtime, klaar_worker::jobs()).await?;
        Ok(())
    }

    fn newest(&self) -> Fallible<NightReport> {
        let page = self.db.read(|conn| lookups::nights(conn, &self.practice, (None, 1)))?;
        page.items.into_iter().next().ok_or_else(|| "no night has begun".into())
    }

    /// Goes to the next 02:00 in Brussels and has the night begin; it stops where it first waits.
    async fn begin_night(&self) -> Fallible<NightReport> {
        let day = DAY * 1_000_000;
        self.clock.set(Instant((self.clock.now().0 / day + 1) * day).plus_seconds(3600));
        self.tick().await?;
        self.newest()
    }

    /// Moves the clock on as often as the night waits, until it is over. Returns its report, and how many nights too many
    /// its date has when the scheduler ticks on.
    async fn end_night(&self) -> Fallible<(NightReport, usize)> {
        loop {
            let report = self.newest()?;
            let Some(goes_on_at) = report.goes_on_at else { break };
            self.clock.set(goes_on_at.max(self.clock.now()));
            self.run_jobs().await?;
        }
        let report = self.newest()?;
        self.clock.set(self.clock.now().plus_seconds(300));
        self.tick().await?;
        let nights = self.db.read(|conn| lookups::nights(conn, &self.practice, (None, 20)))?;
        let same = nights.items.iter().filter(|night| night.local_date == report.local_date).count();
        Ok((report, same.saturating_sub(1)))
    }

    async fn whole_night(&self) -> Fallible<(NightReport, usize)> {
        self.begin_night().await?;
        self.end_night().await
    }

    /// Prints the line of a night.
    fn say(&mut self, case: &str, holds: bool, facts: Value, (report, twice): (&NightReport, usize)) {
        let mut line = json!({
            "case": case, "database": self.database, "twice": twice, "clients": report.clients,
            "identifiers": report.identifiers, "asked": report.asked, "changed": report.changed, "unknown": report.unknown,
            "vanished": report.vanished, "held": report.held, "pauses": report.pauses,
            "night_seconds": report.duration_seconds(),
        });
        let holds = holds && twice == 0 && report.phase == "finished";
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

    async fn first_night(&mut self, count: u32) -> Fallible<Shown> {
        let (report, twice) = self.whole_night().await?;
        let (shown, silent) = self.shown()?;
        let registered = shown.values().filter(|[state, ..]| state.as_deref() == Some("registered")).count();
        let is_whole = u32::try_from(shown.len())? == count && report.asked == report.identifiers;
        let holds = is_whole && silent == 0 && report.unknown.is_empty() && registered * 2 > shown.len();
        let facts = json!({ "lost": silent, "registered": registered });
        self.say("night: first, good", holds, facts, (&report, twice));
        Ok(shown)
    }

    async fn faulty_night(&mut self, (name, share): (&str, u8), effect: &Effect, known: &Shown) -> Fallible<()> {
        self.sandbox.set_faults(vec![Fault::world(effect.clone()).share(share)])?;
        let (report, twice) = self.whole_night().await?;
        let struck: u64 = self.sandbox.faults().iter().map(|fault| fault.struck).sum();
        self.sandbox.clear_faults();
        let (shown, silent) = self.shown()?;
        let lost = differing(known, &shown);
        let logged = self.logged(&report)?;
        let is_felt = struck > 0 && (silent > 0 || report.held > 0);
        let is_held = report.held == report.vanished;
        let facts = json!({ "lost": lost, "logged": logged, "struck": struck, "unknown_clients": silent });
        let holds = (lost, logged, report.changed) == (0, 0, 0) && is_felt && is_held;
        self.say(&format!("night: {name}, {share} %"), holds, facts, (&report, twice));
        Ok(())
    }

    async fn healing_night(&mut self, (name, share): (&str, u8), known: &Shown) -> Fallible<()> {
        let (report, twice) = self.whole_night().await?;
        let (shown, silent) = self.shown()?;
        let lost = differing(known, &shown);
        let logged = self.logged(&report)?;
        let held = self.db.read(|conn| lookups::held_changes(conn, &self.practice, "open", (None, 1)))?.items.len();
        let is_whole = report.asked == report.identifiers && report.unknown.is_empty();
        let facts = json!({ "lost": lost, "logged": logged, "unknown_clients": silent, "still_held": held });
        let holds = (lost, logged, report.changed) == (0, 0, 0) && silent == 0 && held == 0 && is_whole;
        self.say(&format!("night: good after {name}, {share} %"), holds, facts, (&report, twice));
        Ok(())
    }

    /// Of how many clients the change log says that the night changed them; counted up to the size of a page.
    fn logged(&self, report: &NightReport) -> Fallible<usize> {
        let id = report.id;
        Ok(self.db.read(|conn| lookups::night_changes(conn, &self.practice, id, (None, MAX_LIMIT)))?.items.len())
    }

    /// One client leaves the network for good: it stays what it was until it has been asked again an hour later.
    async fn disappearance(&mut self, mut known: Shown) -> Fallible<()> {
        let is_registered = |shown: &[Option<String>; 4]| matches!(shown, [Some(state), ..] if state == "registered");
        let gone = known.iter().find(|(_, shown)| is_registered(shown)).map(|(number, _)| number.clone());
        let gone = gone.ok_or("nobody is registered")?;
        let absent = Script { registration: Registration::Nxdomain, ..Script::default() };
        self.sandbox.script(&format!("0208:{gone}"), absent.clone())?;
        self.sandbox.script(&format!("9925:be{gone}"), absent)?;
        let waiting = self.begin_night().await?;
        let early = differing(&known, &self.shown()?.0);
        let waits = waiting.goes_on_at.map_or(0, |at| at.seconds_since(self.clock.now()));
        let (report, twice) = self.end_night().await?;
        let (shown, silent) = self.shown()?;
        known.insert(gone, [Some("not_registered".to_owned()), None, None, None]);
        let lost = differing(&known, &shown) + early;
        let facts = json!({ "lost": lost, "unknown_clients": silent, "asked_again_after_seconds": waits });
        let holds = lost == 0 && waits >= 3600 && (report.vanished, report.changed, report.held) == (1, 1, 0);
        self.say("night: one client disappears", holds && silent == 0, facts, (&report, twice));
        Ok(())
    }
}

fn differing(known: &Shown, shown: &Shown) -> usize {
    let absent = known.keys().filter(|number| !shown.contains_key(*number)).count();
    absent + shown.iter().filter(|(number, facts)| known.get(*number) != Some(facts)).count()
}

/// Time-outs are short so that thousands of them fit in a run; the pace is what the machine gives.
fn settings(address: &str, sandbox: &Sandbox) -> Fallible<Settings> {
    let environment = [
        ("KLAAR_DATABASE_URL", address.to_owned()),
        ("KLAAR_DNS", sandbox.dns_addr().to_string()),
        ("KLAAR_PEPPOL_TEST_ZONE", sandbox.zone()),
        ("KLAAR_SMP_ALLOW_INSECURE", "true".to_owned()),
        ("KLAAR_LOOKUP_RATE", "100000".to_owned()),
        ("KLAAR_LOOKUP_CONCURRENCY", "256".to_owned()),
        ("KLAAR_LOOKUP_HOST_CONCURRENCY", "64".to_owned()),
        ("KLAAR_DNS_TIMEOUT", "0.5".to_owned()),
        ("KLAAR_SMP_TIMEOUT", "1".to_owned()),
    ];
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Settings::from_sources(BTreeMap::new(), environment)?)
}
