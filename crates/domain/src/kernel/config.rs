//! Settings from the environment (`KLAAR_DATABASE_URL`) and a TOML file (`database_url`), the environment first.
//!
//! All settings are read before anything starts, and every wrong one is named at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::db::Address;
use super::secrets::Keyring;

/// The environment variable that names the TOML file.
pub const FILE_VARIABLE: &str = "KLAAR_CONFIG";
const PREFIX: &str = "KLAAR_";
/// The longest local part of an address that mails come back to: a local part has 64 octets (RFC 5321, 4.5.3.1.1), and each mail
/// puts up to 40 behind this one.
pub const MOST_RETURN_PATH: usize = 24;

/// Everything that can be set. `README.md` lists the names with their meaning.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the database is.
    pub database: Address,
    /// The most connections to it from one process.
    pub database_connections: u32,
    /// Redis, for several processes; without it jobs stay in the process.
    pub redis_url: Option<String>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the worker's metrics and health listen.
    pub worker_listen: SocketAddr,
    /// The address under which people reach the API, without a slash at the end.
    pub public_url: url::Url,
    /// Origins that a browser may call the API from; `*` for all.
    pub allowed_origins: Vec<String>,
    /// The keys for secrets at rest.
    pub keyring: Option<Keyring>,
    /// Look-ups.
    pub lookups: LookupSettings,
    /// Mail.
    pub mail: MailSettings,
    /// Requests a minute that one caller may make; 0 for no limit.
    pub rate_limit: u32,
    /// The most bytes of clients' values that lists keep in memory.
    pub list_memory: usize,
    /// How long a stopping process waits for what it has begun.
    pub shutdown_limit: Duration,
    /// What is logged, as in `info,klaar=debug`.
    pub log: String,
    /// Logs as JSON instead of text.
    pub log_json: bool,
}

/// How mails go out.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The mail server for practices without one of their own, and for the product's own mails.
    pub shared: Option<SharedMailServer>,
    /// Certificates (PEM) that mail servers' certificates may lead to, besides those of the public web.
    pub roots: Option<String>,
    /// Practices may name mail servers and token endpoints inside the network, too.
    pub allow_private: bool,
    /// The most time for one step of a dialogue with a mail server.
    pub limit: Duration,
    /// Connections to the mail server of one campaign at once, in one process.
    pub connections: usize,
    /// A folder with letters of the installation's own, which replace those of the same name.
    pub templates: Option<PathBuf>,
    /// Where mails come back to that went out by the shared server.
    pub bounces: Option<SharedBounces>,
}

/// The mailbox that mails of the installation's server come back to.
#[derive(Debug, Clone)]
pub struct SharedBounces {
    /// Where it is, how to sign in, and its folder.
    pub url: url::Url,
    /// The address that they come back to; that of the sender when not set.
    pub return_path: Option<String>,
}

/// The mail server that an installation offers.
#[derive(Debug, Clone)]
pub struct SharedMailServer {
    /// Where it is, and how to sign in.
    pub url: url::Url,
    /// The address that its mails come from.
    pub from: String,
}

/// How participants are looked up on the network.
#[derive(Debug, Clone)]
pub struct LookupSettings {
    /// The DNS zone of the live network.
    pub live_zone: String,
    /// The DNS zone of the test network.
    pub test_zone: String,
    /// The resolver; the system's when not set.
    pub dns: Option<SocketAddr>,
    /// Plain http, other ports and private addresses for SMPs; honoured in the test world only.
    pub allow_insecure_smp: bool,
    /// The most time for one DNS question.
    pub dns_timeout: Duration,
    /// The most time for one SMP request, reading included.
    pub smp_timeout: Duration,
    /// Look-ups at once in one process.
    pub concurrency: usize,
    /// Requests at once to one SMP host.
    pub host_concurrency: usize,
    /// Look-ups a second in one process.
    pub rate: u32,
    /// SMP hosts whose registrations count as none; `*.` stands for any subdomain.
    pub leftover_hosts: Vec<String>,
}

/// All settings that were wrong.
#[derive(Debug, thiserror::Error)]
#[error("wrong settings:\n{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

struct Sources {
    values: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Sources {
    /// Takes a setting out, so that what is left at the end is unknown.
    fn take<T>(&mut self, key: &str, default: T, read: impl FnOnce(&str) -> Result<T, String>) -> T {
        let Some(text) = self.values.remove(key).filter(|text| !text.trim().is_empty()) else {
            return default;
        };
        read(text.trim()).unwrap_or_else(|fault| {
            self.faults.push(format!("  {PREFIX}{}: {fault}", key.to_uppercase()));
            default
        })
    }

    fn optional<T>(&mut self, key: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.take(key, None, |text| read(text).map(Some))
    }
}

impl Settings {
    /// Reads the process's environment and, when `KLAAR_CONFIG` names one or `./klaar.toml` exists, the file.
    ///
    /// # Errors
    /// [`ConfigError`] with a line for each wrong setting.
    pub fn load() -> Result<Self, ConfigError> {
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        Self::load_from(environment)
    }

    /// The same for a given environment.
    ///
    /// # Errors
    /// [`ConfigError`] with a line for each wrong setting.
    pub fn load_from(environment: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let named = environment.get(FILE_VARIABLE).cloned();
        let path = named.clone().unwrap_or_else(|| "klaar.toml".to_owned());
        let file = if named.is_some() || Path::new(&path).exists() { read_file(&path)? } else { BTreeMap::new() };
        Self::from_sources(file, environment)
    }

    /// Reads settings from a TOML table's values (`database_url`) and an environment (`KLAAR_DATABASE_URL`).
    ///
    /// # Errors
    /// [`ConfigError`] with a line for each wrong or, in the file, unknown setting.
    pub fn from_sources(
        file: BTreeMap<String, String>,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let from_file: Vec<String> = file.keys().cloned().collect();
        let mut values = file;
        values.extend(environment.into_iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?.to_lowercase();
            (name != FILE_VARIABLE).then_some((key, value))
        }));
        let mut from = Sources { values, faults: Vec::new() };
        let settings = Self::read(&mut from);
        for unknown in from.values.keys().filter(|key| from_file.contains(key)) {
            from.faults.push(format!("  {unknown}: the file sets something that does not exist"));
        }
        if from.faults.is_empty() { Ok(settings) } else { Err(ConfigError(from.faults)) }
    }

    fn read(from: &mut Sources) -> Self {
        let listen = from.take("listen", SocketAddr::from(([127, 0, 0, 1], 8080)), socket);
        let database = from.take("database_url", Address::Sqlite("klaar.db".to_owned()), Address::parse);
        Self {
            database_connections: from.take("database_connections", connections(&database), |t| number(t, 1, 1000)),
            database,
            redis_url: from.optional("redis_url", |t| {
                if t.starts_with("redis://") { Ok(t.to_owned()) } else { Err("must start with redis://".to_owned()) }
            }),
            listen,
            worker_listen: from.take("worker_listen", SocketAddr::from(([127, 0, 0, 1], 8081)), socket),
            public_url: from.optional("public_url", web_address).unwrap_or_else(|| own_address(listen)),
            allowed_origins: from.take("allowed_origins", Vec::new(), origins),
            keyring: from.optional("secret_key", Keyring::parse),
            lookups: LookupSettings::read(from),
            mail: MailSettings::read(from),
            rate_limit: from.take("rate_limit", 6000, |t| number(t, 0, u32::MAX)),
            list_memory: from.take("list_memory", 64, |t| number(t, 1, 65_536)) as usize * 1024 * 1024,
            shutdown_limit: from.take("shutdown_limit", Duration::from_secs(25), |t| seconds(t, 600)),
            log: from.take("log", "info".to_owned(), |t| Ok(t.to_owned())),
            log_json: from.take("log_format", false, |t| match t {
                "text" => Ok(false),
                "json" => Ok(true),
                _ => Err("must be text or json".to_owned()),
            }),
        }
    }
}

/// Connections when nobody says how many. What SQLite does, this process computes itself, and more at once than there are
/// processors only wait for each other. A PostgreSQL server with the same few processors does more with eight at work than
/// with sixteen, and has a hundred in all for many processes.
fn connections(database: &Address) -> u32 {
    match database {
        Address::Sqlite(_) => {
            let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
            u32::try_from(processors.saturating_mul(2)).unwrap_or(16).clamp(4, 16)
        }
        Address::Postgres(_) => 8,
    }
}

impl MailSettings {
    fn read(from: &mut Sources) -> Self {
        let url = from.optional("smtp_url", |t| match url::Url::parse(t) {
            Ok(url) if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() => Ok(url),
            _ => Err("must be smtp://HOST:PORT or smtps://USER:PASSWORD@HOST".to_owned()),
        });
        let sender = from.optional("mail_from", |t| super::text::email(t).ok_or("must be a mail address".to_owned()));
        if url.is_some() != sender.is_some() {
            from.faults.push("  KLAAR_SMTP_URL and KLAAR_MAIL_FROM: one needs the other".to_owned());
        }
        let bounces = from.optional("bounces_url", |t| match url::Url::parse(t) {
            Ok(url) if matches!(url.scheme(), "imap" | "imaps") && url.has_host() && !url.username().is_empty() => {
                Ok(url)
            }
            _ => Err("must be imaps://USER:PASSWORD@HOST/FOLDER or imap://USER:PASSWORD@HOST/FOLDER".to_owned()),
        });
        let return_path = from.optional("bounces_return_path", return_path);
        if url.is_none() && bounces.is_some() {
            from.faults.push("  KLAAR_BOUNCES_URL needs KLAAR_SMTP_URL".to_owned());
        }
        if bounces.is_none() && return_path.is_some() {
            from.faults.push("  KLAAR_BOUNCES_RETURN_PATH needs KLAAR_BOUNCES_URL".to_owned());
        }
        Self {
            shared: url.zip(sender).map(|(url, from)| SharedMailServer { url, from }),
            roots: from.optional("smtp_roots", certificates),
            allow_private: from.take("smtp_allow_private", false, switch),
            limit: from.take("smtp_timeout", Duration::from_secs(30), |t| seconds(t, 600)),
            connections: from.take("smtp_connections", 4, |t| number(t, 1, 100)) as usize,
            templates: from.optional("email_templates", folder),
            bounces: bounces.map(|url| SharedBounces { url, return_path }),
        }
    }
}

/// An address that has room for what each mail puts behind its local part.
fn return_path(text: &str) -> Result<String, String> {
    let address = super::text::email(text).ok_or("must be a mail address".to_owned())?;
    let is_short = address.split_once('@').is_some_and(|(local, _)| local.len() <= MOST_RETURN_PATH);
    if is_short { Ok(address) } else { Err(format!("must have at most {MOST_RETURN_PATH} characters before its @")) }
}

/// A folder that is there.
fn folder(path: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(path);
    if folder.is_dir() { Ok(folder) } else { Err(format!("{path} is no folder")) }
}

/// The certificates in the file that a setting names.
fn certificates(path: &str) -> Result<String, String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let text = std::fs::read_to_string(path).map_err(|fault| format!("{path}: {fault}"))?;
    let read = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    if read.is_ok_and(|found| !found.is_empty()) {
        Ok(text)
    } else {
        Err(format!("{path} holds no certificate in PEM"))
    }
}

impl LookupSettings {
    fn read(from: &mut Sources) -> Self {
        Self {
            live_zone: from.take("peppol_zone", "participant.sml.prod.tech.peppol.org".to_owned(), zone),
            test_zone: from.take("peppol_test_zone", "participant.sml.test.tech.peppol.org".to_owned(), zone),
            dns: from.optional("dns", socket),
            allow_insecure_smp: from.take("smp_allow_insecure", false, switch),
            dns_timeout: from.take("dns_timeout", Duration::from_secs(5), |t| seconds(t, 60)),
            smp_timeout: from.take("smp_timeout", Duration::from_secs(10), |t| seconds(t, 120)),
            concurrency: from.take("lookup_concurrency", 64, |t| number(t, 1, 4096)).try_into().unwrap_or(64),
            host_concurrency: from.take("lookup_host_concurrency", 8, |t| number(t, 1, 1024)).try_into().unwrap_or(8),
            rate: from.take("lookup_rate", 50, |t| number(t, 1, 100_000)),
            leftover_hosts: from.take("leftover_hosts", vec!["*.hermes-belgium.be".to_owned()], |t| {
                Ok(words(t).map(str::to_lowercase).collect())
            }),
        }
    }
}

fn read_file(path: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let fault = |what: String| ConfigError(vec![format!("  {FILE_VARIABLE}: {path}: {what}")]);
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| fault(e.to_string()))?;
    table
        .into_iter()
        .map(|(key, value)| Ok((key.clone(), plain(value).map_err(|e| fault(format!("{key}: {e}")))?)))
        .collect()
}

fn plain(value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(n) => Ok(n.to_string()),
        toml::Value::Float(n) => Ok(n.to_string()),
        toml::Value::Boolean(b) => Ok(b.to_string()),
        toml::Value::Array(items) => Ok(items.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err("a text, number, switch or list is wanted".to_owned()),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be ADDRESS:PORT, as in 127.0.0.1:8080".to_owned())
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

fn seconds(text: &str, max: u32) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "must be a number of seconds".to_owned())?;
    if value > 0.0 && value <= f64::from(max) {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err(format!("must be more than 0 and at most {max} seconds"))
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

fn zone(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_lowercase();
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if name.len() <= 150 && name.split('.').all(label) { Ok(name) } else { Err("must be a DNS name".to_owned()) }
}

fn web_address(text: &str) -> Result<url::Url, String> {
    match url::Url::parse(text.trim_end_matches('/')) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none() => {
            Ok(url)
        }
        _ => Err("must be a web address, as in https://klaar.example".to_owned()),
    }
}

fn origins(text: &str) -> Result<Vec<String>, String> {
    words(text)
        .map(|word| match url::Url::parse(word) {
            _ if word == "*" => Ok(word.to_owned()),
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == word => {
                Ok(word.to_owned())
            }
            _ => Err(format!("{word} is not an origin, as in https://app.example (no path, no slash at the end)")),
        })
        .collect()
}

#[expect(clippy::expect_used, reason = "a socket address always makes a web address")]
fn own_address(listen: SocketAddr) -> url::Url {
    url::Url::parse(&format!("http://{listen}")).expect("a socket address makes a web address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let settings = Settings::from_sources(
            map(&[("listen", "127.0.0.1:1"), ("lookup_rate", "7")]),
            map(&[("KLAAR_LISTEN", "127.0.0.1:2")]),
        )
        .unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.lookups.rate, 7);
        assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:2/");
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        let wrong = map(&[
            ("KLAAR_DATABASE_URL", "mysql://x"),
            ("KLAAR_LISTEN", "8080"),
            ("KLAAR_SECRET_KEY", "short"),
            ("KLAAR_ALLOWED_ORIGINS", "https://a.example/path"),
            ("KLAAR_SMP_ALLOW_INSECURE", "maybe"),
            ("KLAAR_DNS_TIMEOUT", "0"),
            ("KLAAR_LOOKUP_RATE", "-1"),
            ("KLAAR_PEPPOL_ZONE", "a b"),
        ]);
        let said = Settings::from_sources(map(&[("listne", "x")]), wrong.clone()).unwrap_err().to_string();
        for name in wrong.keys().map(String::as_str).chain(["listne"]) {
            assert!(said.contains(name), "{name} is missing in: {said}");
        }
    }
}
