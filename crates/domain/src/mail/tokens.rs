//! Access tokens for XOAUTH2, asked with a refresh token (RFC 6749, section 6) and kept for as long as they are good.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::{Client, Response, redirect};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::fault::short;
use super::server::Grant;
use crate::kernel::addresses::is_public;
use crate::kernel::clock::{Clock, Instant};
use crate::kernel::outbound::{self, PublicNames, chain};
use crate::kernel::secrets::Secret;

const USER_AGENT: &str = concat!("Klaar/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Seconds that a token is good for when nobody says, and the most that is believed.
const USUAL_SECONDS: i64 = 300;
const MOST_SECONDS: i64 = 24 * 3600;
/// A token is not used in its last seconds, so that it does not run out on its way.
const SPARE_SECONDS: i64 = 60;
/// So many are kept; beyond that those that have run out go first, then all.
const MOST_KEPT: usize = 10_000;

/// The tokens of one process.
pub(super) struct Tokens {
    /// Made when the first token is asked for: most installations never do.
    client: OnceLock<Client>,
    allow_private: bool,
    limit: Duration,
    clock: Clock,
    kept: Mutex<HashMap<[u8; 32], Kept>>,
}

struct Kept {
    token: Secret,
    until: Instant,
}

/// What a token endpoint answers (RFC 6749, 5.1 and 5.2), as far as we look.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<Secret>,
    expires_in: Option<i64>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Tokens {
    pub(super) fn new(allow_private: bool, limit: Duration, clock: Clock) -> Self {
        Self { client: OnceLock::new(), allow_private, limit, clock, kept: Mutex::default() }
    }

    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(outbound::tls(&["h2", "http/1.1"]).map_err(|fault| fault.to_string())?)
            .https_only(!self.allow_private)
            .dns_resolver(PublicNames { allow_private: self.allow_private, limit: self.limit })
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .connect_timeout(self.limit)
            .build()
            .map_err(|fault| chain(&fault))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// An access token for the grant, a kept one when it is good still.
    ///
    /// # Errors
    /// Why none was given out, in the endpoint's words.
    pub(super) async fn of(&self, grant: &Grant) -> Result<Secret, String> {
        let name = name_of(grant);
        let now = self.clock.now();
        if let Some(kept) = self.kept().get(&name).filter(|kept| kept.until > now) {
            return Ok(kept.token.clone());
        }
        let asked = timeout(self.limit, self.ask(grant)).await;
        let answer = asked.map_err(|_| "the token endpoint did not answer in time".to_owned())??;
        let Some(token) = answer.access_token else {
            let words = [answer.error, answer.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
            return Err(if words.is_empty() {
                "the token endpoint gave no access token".to_owned()
            } else {
                short(&words)
            });
        };
        let seconds = answer.expires_in.unwrap_or(USUAL_SECONDS).clamp(0, MOST_SECONDS) - SPARE_SECONDS;
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, one| one.until > now);
        }
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(name, Kept { token: token.clone(), until: now.plus_seconds(seconds) });
        Ok(token)
    }

    /// Does not use the grant's token again.
    pub(super) fn forget(&self, grant: &Grant) {
        self.kept().remove(&name_of(grant));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, grant: &Grant) -> Result<Answer, String> {
        // An address written into the URL never reaches the resolver.
        let address = grant.token_url.host_str().unwrap_or_default().trim_matches(['[', ']']).parse::<IpAddr>();
        if address.as_ref().is_ok_and(|address| !self.allow_private && !is_public(*address)) {
            return Err("the token endpoint is not at an address of the public internet".to_owned());
        }
        let is_here = grant.token_url.host_str().is_some_and(|host| host == "localhost")
            || address.is_ok_and(|address| address.is_loopback());
        if grant.token_url.scheme() != "https" && !is_here {
            return Err("the token endpoint is not at an https address".to_owned());
        }
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", grant.client_id.as_str()),
            ("refresh_token", grant.refresh_token.reveal()),
        ];
        form.extend(grant.client_secret.as_ref().map(|secret| ("client_secret", secret.reveal())));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client()?.post(grant.token_url.clone());
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let failed =
            |fault: reqwest::Error| format!("the token endpoint did not answer: {}", chain(&fault.without_url()));
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let bytes = read(response).await.map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|_| format!("the token endpoint answers {status}, and not in JSON"))
    }
}

/// At most so much of the body as an answer can have.
async fn read(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Ok(Vec::new());
        }
    }
    Ok(bytes)
}

/// What a grant's token is kept under.
fn name_of(grant: &Grant) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let secret = grant.client_secret.as_ref().map_or("", Secret::reveal);
    for part in [grant.token_url.as_str(), &grant.client_id, secret, grant.refresh_token.reveal()] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}
