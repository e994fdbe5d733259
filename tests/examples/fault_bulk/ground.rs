//! What the cases stand on: the programs that are started and killed, the API as a caller has it, and the database beside
//! it, which is asked in plain SQL.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl as _};
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{Address, Conn, Db};
use klaar_domain::kernel::error::Result;
use serde_json::{Map, Value, json};

pub type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long a program may take to start, or an operation to end after the last kill; a lease takes 30 seconds to run out.
const PATIENCE: Duration = Duration::from_secs(300);

/// A small generator, so that a run can be repeated.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from((mixed ^ (mixed >> 31)) % limit).unwrap_or_default()
    }

    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// Between a case and those who write beside it.
#[derive(Default)]
pub struct Signs {
    pub stop: AtomicBool,
    pub written: AtomicUsize,
}

/// A program that may be killed at any moment and started again.
pub struct Program {
    name: String,
    binary: PathBuf,
    arguments: Vec<&'static str>,
    settings: Vec<(String, String)>,
    log: PathBuf,
    ready: String,
    child: Option<Child>,
}

impl Program {
    /// Starts it and waits until it answers. It is killed when this process dies.
    pub async fn start(&mut self) -> Fallible<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.binary).args(&self.arguments);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(self.settings.iter().cloned());
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.child = Some(child);
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let answer = reqwest::get(&self.ready).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("{} does not start", self.name).into())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) -> Fallible<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// One running Klaar over one database.
pub struct Ground {
    pub database: &'static str,
    pub address: String,
    pub db: Db,
    pub servers: Vec<Program>,
    /// Where jobs run; on SQLite they run in the servers.
    pub worker: Option<Program>,
    bases: Vec<String>,
    pub all_hold: bool,
}

/// A port below the range from which the kernel picks those of outgoing connections, so that it stays free for a restart.
fn free_port() -> Fallible<u16> {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    for _ in 0..200 {
        let at = usize::try_from(std::process::id())? * 31 + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + at % 12_000)?;
        if is_free(&port) {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

impl Ground {
    /// Starts one server, and a worker when there is a Redis.
    pub async fn open(address: &str, redis: Option<&str>) -> Fallible<Self> {
        let database = if address.starts_with("sqlite:") { "sqlite" } else { "postgres" };
        let db = Db::open(&Address::parse(address)?, 4, Clock::system())?;
        let (servers, bases) = (Vec::new(), Vec::new());
        let mut ground =
            Self { database, address: address.to_owned(), db, servers, worker: None, bases, all_hold: true };
        ground.add_server(redis).await?;
        if redis.is_some() {
            let mut worker = ground.program("worker", redis, "KLAAR_WORKER_LISTEN")?;
            worker.start().await?;
            ground.worker = Some(worker);
        }
        Ok(ground)
    }

    pub async fn add_server(&mut self, redis: Option<&str>) -> Fallible<()> {
        let mut server = self.program(&format!("server{}", self.servers.len()), redis, "KLAAR_LISTEN")?;
        server.start().await?;
        self.bases.push(server.ready.trim_end_matches("/readyz").to_owned());
        self.servers.push(server);
        Ok(())
    }

    /// A program that answers at the address of the setting `listens`.
    fn program(&self, name: &str, redis: Option<&str>, listens: &str) -> Fallible<Program> {
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
        ]);
        settings.insert(listens, here.clone());
        settings.extend(redis.map(|url| ("KLAAR_REDIS_URL", url.to_owned())));
        Ok(Program {
            name: name.to_owned(),
            binary: binary.into(),
            arguments: match (is_server, redis) {
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

    /// The program that applies bulk edits: a server, or the worker.
    pub fn applies(&mut self) -> Option<&mut Program> {
        self.worker.as_mut().or_else(|| self.servers.first_mut())
    }

    /// The API of the n-th server.
    pub fn api(&self, at: usize, key: &str) -> Api {
        let base = self.bases.get(at % self.bases.len().max(1)).cloned().unwrap_or_default();
        Api { base, key: key.to_owned(), http: reqwest::Client::new() }
    }

    /// Prints the line of a case.
    pub fn say(&mut self, case: &str, facts: Value, holds: bool) {
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

/// A caller of one server.
#[derive(Clone)]
pub struct Api {
    base: String,
    key: String,
    http: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub etag: String,
    pub body: Value,
}

impl Answer {
    /// The body, when the status is this one.
    pub fn expect(self, status: u16) -> Fallible<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("the API answers {} instead of {status}: {}", self.status, self.body).into())
    }
}

impl Api {
    pub async fn send(&self, method: &str, path: &str, tag: Option<&str>, body: Option<&Value>) -> Fallible<Answer> {
        let mut request = self.http.request(method.parse()?, format!("{}{path}", self.base)).bearer_auth(&self.key);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let etag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok(Answer { status, etag, body })
    }

    pub async fn get(&self, path: &str) -> Fallible<Value> {
        self.send("GET", path, None, None).await?.expect(200)
    }

    pub async fn post(&self, path: &str, body: &Value, status: u16) -> Fallible<Value> {
        self.send("POST", path, None, Some(body)).await?.expect(status)
    }

    /// Changes a client as it is now; again when somebody else was faster.
    pub async fn change(&self, id: &str, body: &Value) -> Fallible<Value> {
        self.try_change(id, body).await?.expect(200)
    }

    /// The same for one that may be archived, and then stays as it is.
    pub async fn try_change(&self, id: &str, body: &Value) -> Fallible<Answer> {
        let path = format!("/v1/clients/{id}");
        loop {
            let tag = self.send("GET", &path, None, None).await?.etag;
            let answer = self.send("PATCH", &path, Some(&tag), Some(body)).await?;
            if !matches!(answer.status, 412 | 503) {
                return Ok(answer);
            }
        }
    }

    /// All items of a list, page by page; `path` has a parameter already.
    pub async fn all(&self, path: &str) -> Fallible<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}&limit=200{cursor}")).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["next_cursor"].as_str() else { return Ok(items) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Previews an edit, and has it applied. Returns the edit and the operation.
    pub async fn edit(&self, selection: Value, field: &str, value: Value) -> Fallible<(Value, Value)> {
        let wish = json!({ "selection": selection, "assignments": [{ "field": field, "set": value }] });
        let edit = self.post("/v1/bulk-edits", &wish, 201).await?;
        let path = format!("/v1/bulk-edits/{}/application", text(&edit["id"]));
        let operation = self.post(&path, &json!({}), 202).await?;
        Ok((edit, operation))
    }

    /// The operation when it is over.
    pub async fn finished(&self, operation: &Value) -> Fallible<Value> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let operation = self.get(&format!("/v1/operations/{}", text(&operation["id"]))).await?;
            match operation["status"].as_str() {
                Some("finished") => return Ok(operation),
                Some("failed") => return Err(format!("the operation has failed: {operation}").into()),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Err("the operation does not end".into())
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `filter=…` for a path.
pub fn filter(tree: &Value) -> String {
    let url = reqwest::Url::parse_with_params("http://x/", [("filter", tree.to_string())]);
    url.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

/// Waits for an operation and kills the program that does its work each time the part that is done has passed the next of
/// `moments`, as long as it is not nearly done. Returns how often that was.
pub async fn follow_and_kill(
    ground: &mut Ground,
    api: &Api,
    operation: &Value,
    moments: &[f64],
) -> Fallible<(Value, usize)> {
    let path = format!("/v1/operations/{}", text(&operation["id"]));
    let (mut moments, mut kills, mut last_kill) = (moments.iter().peekable(), 0, Instant::now());
    while last_kill.elapsed() < PATIENCE {
        let operation = api.get(&path).await?;
        match operation["status"].as_str() {
            Some("finished") => return Ok((operation, kills)),
            Some("failed") => return Err(format!("the operation has failed: {operation}").into()),
            _ => {}
        }
        let done = operation["done"].as_f64().unwrap_or_default() / operation["total"].as_f64().unwrap_or(1.0);
        if moments.peek().is_some_and(|moment| done >= **moment) && done <= 0.9 {
            let program = ground.applies().ok_or("nobody works")?;
            program.kill()?;
            program.start().await?;
            (kills, last_kill) = (kills + 1, Instant::now());
            while moments.next_if(|moment| done >= **moment).is_some() {}
        } else if moments.peek().is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Err(format!("the operation does not end: {}", api.get(&path).await?).into())
}

/// A number that SQL says.
#[derive(QueryableByName)]
pub struct Number {
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

pub fn number(conn: &mut Conn, sql: &str) -> Result<i64> {
    let rows = diesel::sql_query(sql).load::<Number>(conn)?;
    Ok(rows.first().map(|row| row.n).unwrap_or_default())
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    vals: String,
}

/// The identifier of a client as the API says it, in SQL.
pub fn id_in_sql(database: &str) -> &'static str {
    if database == "sqlite" { "'cli_' || lower(hex(c.id))" } else { "'cli_' || replace(CAST(c.id AS TEXT), '-', '')" }
}

/// Clients by key, each with its identifier and its custom values.
pub type Everybody = BTreeMap<i64, (String, Map<String, Value>)>;

/// All clients of a practice.
pub fn values(ground: &Ground, practice: &str) -> Fallible<Everybody> {
    let sql = format!(
        "SELECT c.key AS key, {} AS id, CAST(v.vals AS TEXT) AS vals FROM clients c \
         JOIN client_values v ON v.client_key = c.key JOIN practices p ON p.id = c.practice_id WHERE p.name = '{practice}'",
        id_in_sql(ground.database)
    );
    let rows = ground.db.read(|conn| Ok(diesel::sql_query(sql).load::<Kept>(conn)?))?;
    rows.into_iter().map(|row| Ok((row.key, (row.id, serde_json::from_str(&row.vals)?)))).collect()
}
