//! The world of one test: a database of its own, the application on a port of its own, a clock that stands still.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use actix_web::dev::ServerHandle;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use klaar_api::State;
use klaar_domain::custom_fields;
use klaar_domain::identity::{self, Caller, NewKey, NewMember, NewPractice, Practice, Right, Role, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::{Address, Db};
use klaar_domain::kernel::ids;
use klaar_domain::kernel::jobs;
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::kernel::upkeep::PruneSettled;

use crate::client::Client;

/// The moment at which every test begins.
pub const BEGINNING: &str = "2026-11-22T09:00:00Z";
/// The password of every person in the tests.
pub const PASSWORD: &str = "correct horse battery";

/// A running product.
pub struct House {
    pub db: Db,
    pub clock: Clock,
    pub settings: Arc<Settings>,
    base: String,
    server: ServerHandle,
    _database: Database,
}

enum Database {
    File { _folder: tempfile::TempDir },
    Postgres { admin: String, name: String },
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { admin, name } = self
            && let Ok(mut conn) = PgConnection::establish(admin)
        {
            let _ = diesel::sql_query(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut conn);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// Settings for tests, with `extra` on top.
pub fn settings(database: &str, extra: &[(&str, &str)]) -> Settings {
    let mut environment = BTreeMap::from([
        ("KLAAR_DATABASE_URL".to_owned(), database.to_owned()),
        ("KLAAR_DATABASE_CONNECTIONS".to_owned(), "4".to_owned()),
        ("KLAAR_SECRET_KEY".to_owned(), Keyring::generate()),
        ("KLAAR_RATE_LIMIT".to_owned(), "0".to_owned()),
        // Nobody answers there.
        ("KLAAR_DNS".to_owned(), "127.0.0.1:9".to_owned()),
    ]);
    if let Ok(redis) = std::env::var("KLAAR_TEST_REDIS_URL") {
        environment.insert("KLAAR_REDIS_URL".to_owned(), redis);
    }
    environment.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Settings::from_sources(BTreeMap::new(), environment).expect("the test settings are right")
}

/// The address of an administrator's connection to PostgreSQL, when the tests run on it.
pub fn postgres() -> Option<String> {
    std::env::var("KLAAR_TEST_POSTGRES_URL").ok()
}

fn with_database(admin: &str, name: &str) -> String {
    let (server, query) = admin.split_once('?').unwrap_or((admin, ""));
    let (server, _) = server.rsplit_once('/').expect("the address names a database");
    format!("{server}/{name}?{query}")
}

/// An empty database that nobody has migrated, and its address.
pub fn empty_database() -> (String, impl Drop) {
    match postgres() {
        Some(admin) => {
            let name = format!("klaar_{}", ids::new_uuid().simple());
            let mut conn = PgConnection::establish(&admin).expect("PostgreSQL answers");
            diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut conn).unwrap();
            (with_database(&admin, &name), Database::Postgres { admin, name })
        }
        None => {
            let folder = tempfile::tempdir().unwrap();
            (format!("sqlite:{}", folder.path().join("klaar.db").display()), Database::File { _folder: folder })
        }
    }
}

/// A migrated database of this test's own: a copy of one that was migrated once.
fn own_database() -> (String, Database) {
    match postgres() {
        Some(admin) => own_postgres(admin),
        None => own_file(),
    }
}

fn own_file() -> (String, Database) {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.db");
        migrate(&format!("sqlite:{}", path.display()));
        std::fs::read(path).unwrap()
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("klaar.db");
    std::fs::write(&path, template).unwrap();
    (format!("sqlite:{}", path.display()), Database::File { _folder: folder })
}

fn own_postgres(admin: String) -> (String, Database) {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let name = format!("klaar_template_{}", std::process::id());
        let mut conn = PgConnection::establish(&admin).expect("PostgreSQL answers");
        diesel::sql_query(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut conn).unwrap();
        diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut conn).unwrap();
        migrate(&with_database(&admin, &name));
        name
    });
    let name = format!("klaar_{}", ids::new_uuid().simple());
    let mut conn = PgConnection::establish(&admin).expect("PostgreSQL answers");
    diesel::sql_query(format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
        .execute(&mut conn)
        .unwrap();
    (with_database(&admin, &name), Database::Postgres { admin, name })
}

fn migrate(address: &str) {
    let address = Address::parse(address).unwrap();
    Db::open(&address, 1, Clock::system()).unwrap().migrate().unwrap();
}

impl House {
    /// A product without any practice.
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with some settings changed.
    pub async fn open_with(extra: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (address, database) = own_database();
        let settings = Arc::new(settings(&address, extra));
        let clock = Clock::frozen(Instant::parse(BEGINNING).unwrap());
        let db = Db::open(&settings.database, settings.database_connections, clock.clone()).unwrap();
        let state = State::new(db.clone(), settings.keyring.clone().unwrap(), (*settings).clone()).unwrap();
        let server = actix_web::HttpServer::new(move || klaar_api::app(Arc::clone(&state)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { db, clock, settings, base, server: handle, _database: database }
    }

    /// The address of the application, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A practice in the test world.
    pub fn practice(&self, name: &str) -> Practice {
        let new = NewPractice {
            name: name.to_owned(),
            world: World::Test,
            time_zone: "Europe/Brussels".to_owned(),
            language: "nl".to_owned(),
            enterprise_number: None,
        };
        self.db.write(|tx| custom_fields::establish_practice(tx, &Actor::operator(), &new)).unwrap()
    }

    /// A client of the API with a key that may do everything in `practice`.
    pub fn may_everything(&self, practice: &Practice) -> Client {
        self.may(practice, Right::ALL)
    }

    /// A client of the API with a key that may do `rights` in `practice`.
    pub fn may(&self, practice: &Practice, rights: &[Right]) -> Client {
        let new = NewKey { name: "test".to_owned(), scopes: rights.iter().copied().collect(), expires_at: None };
        let (_, secret) = self.db.write(|tx| identity::create_key(tx, practice, &Actor::operator(), &new)).unwrap();
        Client::new(&self.base, Some(secret))
    }

    /// A program that may do everything in `practice`, as the domain knows it.
    pub fn caller(&self, practice: &Practice) -> Caller {
        let new = NewKey { name: "test".to_owned(), scopes: Right::ALL.iter().copied().collect(), expires_at: None };
        let (_, secret) = self.db.write(|tx| identity::create_key(tx, practice, &Actor::operator(), &new)).unwrap();
        self.db.read(|conn| identity::authenticate(conn, &secret, self.clock.now())).unwrap().0
    }

    /// Nobody.
    pub fn nobody(&self) -> Client {
        Client::new(&self.base, None)
    }

    /// A person with [`PASSWORD`] in `practice`; returns the address.
    pub fn person(&self, practice: &Practice, name: &str, role: Role) -> String {
        let email = format!("{}@maes.example", name.to_lowercase());
        let new = NewMember { email: email.clone(), name: name.to_owned(), language: "nl".to_owned(), role };
        let (_, token) =
            self.db.write(|tx| identity::add_member(tx, practice, &Actor::operator(), (&new, None))).unwrap();
        if let Some(token) = token {
            identity::accept_invitation(&self.db, &token, PASSWORD).unwrap();
        }
        email
    }

    /// A client of the API, signed in as the person with this address.
    pub async fn signed_in(&self, email: &str) -> Client {
        let answer =
            self.nobody().post("/v1/sessions", &serde_json::json!({ "email": email, "password": PASSWORD })).await;
        let token = answer.expect(201)["token"].as_str().unwrap().to_owned();
        Client::new(&self.base, Some(token))
    }

    /// Runs every job that is due, until none is.
    pub async fn run_jobs(&self) -> usize {
        let runtime =
            klaar_worker::runtime(self.db.clone(), Arc::clone(&self.settings), self.settings.keyring.clone().unwrap())
                .unwrap();
        klaar_worker::run_due(runtime, klaar_worker::jobs()).await.unwrap()
    }

    /// A job of the practice that failed for good; returns its identifier.
    pub fn bury_a_job(&self, practice: &Practice) -> String {
        let options = jobs::EnqueueOptions::of(practice.uid());
        self.db.write(|tx| jobs::enqueue(tx, &PruneSettled {}, &options)).unwrap();
        self.bury_a_waiting::<PruneSettled>()
    }

    /// Has a waiting job of this kind fail for good; returns its identifier.
    pub fn bury_a_waiting<J: jobs::Job>(&self) -> String {
        let lease = std::time::Duration::from_secs(30);
        let claimed = jobs::claim(&self.db, jobs::WorkerId::new(), J::LANE, 10, lease).unwrap();
        let own = claimed.iter().find(|claimed| claimed.kind == J::KIND).unwrap().ticket;
        jobs::start(&self.db, &[own], lease).unwrap();
        self.db.write(|tx| jobs::fail(tx, own, "it broke", jobs::Retry::Never)).unwrap();
        own.id.to_string()
    }

    /// Moves the clock on.
    pub fn wait_seconds(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }
}
