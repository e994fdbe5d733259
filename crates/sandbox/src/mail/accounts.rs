//! Who may send when sign-in is asked for, by password or by access token.

use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

use data_encoding::BASE64URL_NOPAD;
use ring::{
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};

use crate::world::locked;

/// How long an access token is good for.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(3600);
/// Access tokens in force at most; older ones make place.
const MAX_TOKENS: usize = 1_000;

/// An account of the mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAccount {
    /// User name, compared as it stands.
    pub user: String,
    /// Password for PLAIN (RFC 4616) and LOGIN, bearer token for XOAUTH2, and refresh token at the token endpoint.
    pub secret: String,
}

#[derive(Debug)]
struct AccessToken {
    token: String,
    /// The secret it was given for; whose secret that is may use it.
    secret: String,
    given: Instant,
}

/// The accounts and the access tokens in force.
#[derive(Debug)]
pub(crate) struct Accounts {
    accounts: Vec<MailAccount>,
    tokens: Mutex<VecDeque<AccessToken>>,
}

impl Accounts {
    pub(crate) fn new(accounts: Vec<MailAccount>) -> Self {
        Self { accounts, tokens: Mutex::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody has to sign in.
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Whether this is an account's user and secret.
    pub(crate) fn knows(&self, user: &str, secret: &str) -> bool {
        self.accounts.iter().any(|account| account.user == user && account.secret == secret)
    }

    /// Whether the bearer token is the account's secret or an access token given for it.
    pub(crate) fn accepts(&self, user: &str, bearer: &str, now: Instant) -> bool {
        if self.knows(user, bearer) {
            return true;
        }
        let tokens = locked(&self.tokens);
        let good =
            |token: &&AccessToken| token.token == bearer && now.saturating_duration_since(token.given) < TOKEN_LIFE;
        tokens.iter().find(good).is_some_and(|token| self.knows(user, &token.secret))
    }

    /// A new access token for a refresh token; `None` when that is no account's secret.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn refresh(&self, refresh_token: &str, now: Instant) -> Result<Option<String>, Unspecified> {
        if !self.accounts.iter().any(|account| account.secret == refresh_token) {
            return Ok(None);
        }
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random)?;
        let token = BASE64URL_NOPAD.encode(&random);
        let mut tokens = locked(&self.tokens);
        if tokens.len() >= MAX_TOKENS {
            tokens.pop_front();
        }
        tokens.push_back(AccessToken { token: token.clone(), secret: refresh_token.to_owned(), given: now });
        Ok(Some(token))
    }

    /// Makes all access tokens invalid; the accounts' secrets stay good.
    pub(crate) fn revoke_tokens(&self) {
        locked(&self.tokens).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str, secret: &str) -> MailAccount {
        MailAccount { user: user.to_owned(), secret: secret.to_owned() }
    }

    #[test]
    fn an_access_token_is_good_for_its_account_and_for_an_hour() {
        let accounts = Accounts::new(vec![account("an", "one"), account("bo", "two")]);
        let now = Instant::now();
        assert_eq!(accounts.refresh("three", now), Ok(None));
        let token = accounts.refresh("one", now).unwrap().unwrap();
        assert!(accounts.accepts("an", &token, now) && accounts.accepts("an", "one", now));
        assert!(!accounts.accepts("bo", &token, now) && !accounts.knows("an", &token));
        assert!(accounts.accepts("an", &token, now + TOKEN_LIFE - Duration::from_secs(1)));
        assert!(!accounts.accepts("an", &token, now + TOKEN_LIFE));
        accounts.revoke_tokens();
        assert!(!accounts.accepts("an", &token, now) && accounts.accepts("an", "one", now));
    }

    #[test]
    fn access_tokens_are_bounded() {
        let accounts = Accounts::new(vec![account("an", "one")]);
        let now = Instant::now();
        let first = accounts.refresh("one", now).unwrap().unwrap();
        for _ in 0..MAX_TOKENS {
            assert!(accounts.accepts("an", &first, now));
            accounts.refresh("one", now).unwrap();
        }
        assert!(!accounts.accepts("an", &first, now));
        assert_eq!(locked(&accounts.tokens).len(), MAX_TOKENS);
    }
}
