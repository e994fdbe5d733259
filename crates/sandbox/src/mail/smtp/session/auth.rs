//! Sign-in (RFC 4954): PLAIN, LOGIN and XOAUTH2.

use std::{io, time::Instant};

use data_encoding::BASE64;

use super::{Session, Step};
use crate::mail::wire::Line;

/// What XOAUTH2 says of a token that is not accepted, before the reply itself.
const TOKEN_REFUSED: &str = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.sandbox.test/"}"#;
const WRONG: &str = "535 5.7.8 user or secret is wrong";
const MALFORMED: &str = "501 5.5.2 not what this mechanism says";

/// How an exchange ended: with the user signed in, or with the reply that refuses.
type Outcome = Result<String, &'static str>;

impl Session<'_> {
    /// Whether AUTH is offered here and now: where TLS is offered, no secret goes in clear text.
    pub(super) fn offers_auth(&self) -> bool {
        !self.world.accounts.is_empty() && !self.may_start_tls()
    }

    /// Why a mail may not begin, if it may not: sign-in is asked for and has not been done (RFC 4954, section 6).
    pub(super) fn sign_in_missing(&self) -> Option<&'static str> {
        if self.world.accounts.is_empty() || self.account.is_some() {
            return None;
        }
        Some(if self.may_start_tls() { "530 5.7.0 STARTTLS first, then sign in" } else { "530 5.7.0 sign in first" })
    }

    /// AUTH with its mechanism and perhaps an initial response.
    pub(super) async fn auth(&mut self, rest: &str) -> io::Result<Step> {
        if let Some(refusal) = self.auth_out_of_order() {
            return self.reply(refusal).await;
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let initial = Some(initial.trim_start()).filter(|initial| !initial.is_empty());
        let outcome = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.auth_plain(initial).await?,
            "LOGIN" => self.auth_login(initial).await?,
            "XOAUTH2" => self.auth_xoauth2(initial).await?,
            _ => Err("504 5.5.4 PLAIN, LOGIN or XOAUTH2"),
        };
        match outcome {
            Ok(user) => {
                self.account = Some(user);
                self.reply("235 2.7.0 signed in").await
            }
            Err(refusal) => self.reply(refusal).await,
        }
    }

    fn auth_out_of_order(&self) -> Option<&'static str> {
        if !self.offers_auth() {
            Some("538 5.7.11 STARTTLS first")
        } else if !self.extended {
            Some("503 5.5.1 EHLO first")
        } else if self.account.is_some() {
            Some("503 5.5.1 signed in already")
        } else if self.sender.is_some() {
            Some("503 5.5.1 not inside a mail")
        } else {
            None
        }
    }

    /// RFC 4616: who to act as (here nobody but the user), user and password, separated by NUL.
    async fn auth_plain(&mut self, initial: Option<&str>) -> io::Result<Outcome> {
        let said = match self.response(initial, "").await? {
            Ok(said) => said,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let [acts_as, user, password] = said.split('\0').collect::<Vec<_>>()[..] else {
            return Ok(Err(MALFORMED));
        };
        let is_himself = acts_as.is_empty() || acts_as == user;
        Ok(if is_himself && self.world.accounts.knows(user, password) { Ok(user.to_owned()) } else { Err(WRONG) })
    }

    /// LOGIN, which no RFC describes: user and password, each asked for.
    async fn auth_login(&mut self, initial: Option<&str>) -> io::Result<Outcome> {
        let user = match self.response(initial, "Username:").await? {
            Ok(user) => user,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(match self.response(None, "Password:").await? {
            Ok(password) if self.world.accounts.knows(&user, &password) => Ok(user),
            Ok(_) => Err(WRONG),
            Err(refusal) => Err(refusal),
        })
    }

    /// XOAUTH2 as the large providers describe it: user and bearer token in one response; what is wrong with the token
    /// comes as one more challenge, which the client answers with an empty line before it gets its 535.
    async fn auth_xoauth2(&mut self, initial: Option<&str>) -> io::Result<Outcome> {
        let said = match self.response(initial, "").await? {
            Ok(said) => said,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some((user, token)) = user_and_bearer(&said) else {
            return Ok(Err(MALFORMED));
        };
        if self.world.accounts.accepts(user, token, Instant::now()) {
            return Ok(Ok(user.to_owned()));
        }
        Ok(Err(self.response(None, TOKEN_REFUSED).await?.err().unwrap_or(WRONG)))
    }

    /// What the client answers to a challenge, or said with the command already (RFC 4954, section 4).
    async fn response(&mut self, initial: Option<&str>, challenge: &str) -> io::Result<Outcome> {
        let encoded = match initial {
            // A lone equals sign is an initial response of no bytes.
            Some("=") => String::new(),
            Some(initial) => initial.to_owned(),
            None => {
                self.reply(&format!("334 {}", BASE64.encode(challenge.as_bytes()))).await?;
                match self.wire.read_line().await? {
                    Line::Text(line) => line,
                    Line::Gone => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Line::TooLong => {
                        self.reply("500 5.5.6 line too long").await?;
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
            }
        };
        if encoded == "*" {
            return Ok(Err("501 5.7.0 given up as asked"));
        }
        let decoded = BASE64.decode(encoded.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(decoded.ok_or("501 5.5.2 not base64 of UTF-8"))
    }
}

/// User and token of `user=USER^Aauth=Bearer TOKEN^A^A`, where ^A is the byte 1.
fn user_and_bearer(said: &str) -> Option<(&str, &str)> {
    let (user, authorization) = said.strip_prefix("user=")?.strip_suffix("\x01\x01")?.split_once("\x01auth=")?;
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some((user, token))
}
