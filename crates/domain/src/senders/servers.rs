//! What is wrong with the server of a sender.

use url::Url;

use super::checks::ServerDraft;
use super::fields::Wrong;
use super::model::{Secrets, ServerCard, SignInKind};
use crate::kernel::error::FieldError;
use crate::kernel::secrets::Secret;
use crate::kernel::text::line;
use crate::mail::Security;

const LONGEST_HOST: usize = 253;
const LONGEST_USERNAME: usize = 320;
/// Microsoft's refresh tokens have some two thousand characters.
const LONGEST_SECRET: usize = 8_000;

impl Wrong {
    /// Checks a server; of the one before it keeps secrets that were given for the same place.
    pub(super) fn server(
        &mut self,
        draft: ServerDraft,
        before: Option<(&ServerCard, &Secrets)>,
    ) -> (ServerCard, Secrets) {
        let words = |all: &[&str]| all.join(", ");
        let security = draft.security.as_deref().unwrap_or("tls").parse::<Security>().map_err(|()| {
            FieldError::new("/server/security", "unknown_value")
                .with("values", words(&Security::ALL.map(Security::as_str)))
        });
        let security = self.note(security).unwrap_or(Security::Tls);
        let sign_in = draft.sign_in.as_deref().unwrap_or("none").parse::<SignInKind>().map_err(|()| {
            FieldError::new("/server/sign_in/kind", "unknown_value")
                .with("values", words(&SignInKind::ALL.map(SignInKind::as_str)))
        });
        let sign_in = self.note(sign_in).unwrap_or(SignInKind::None);
        let usual = match security {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        };
        let port = draft.port.map_or(Ok(usual), |port| {
            let known = u16::try_from(port).ok().filter(|port| *port > 0);
            known.ok_or_else(|| FieldError::new("/server/port", "out_of_range").with("min", 1).with("max", u16::MAX))
        });
        let port = self.note(port).unwrap_or(usual);
        let is_token = sign_in == SignInKind::Xoauth2;
        let card = ServerCard {
            host: self.note(host(&draft.host)).unwrap_or_default(),
            port,
            security,
            sign_in,
            username: self.part(draft.username, "username", (sign_in != SignInKind::None, LONGEST_USERNAME)),
            token_url: self.token_url(draft.token_url, is_token),
            client_id: self.part(draft.client_id, "client_id", (is_token, LONGEST_USERNAME)),
        };
        let kept = before.filter(|(known, _)| card.shares_secrets_with(known)).map(|(_, secrets)| secrets.clone());
        let kept = kept.unwrap_or_default();
        let is_password = sign_in == SignInKind::Password;
        let secrets = Secrets {
            password: self.secret(draft.password, kept.password, "password", (is_password, is_password)),
            client_secret: self.secret(draft.client_secret, kept.client_secret, "client_secret", (is_token, false)),
            refresh_token: self.secret(draft.refresh_token, kept.refresh_token, "refresh_token", (is_token, is_token)),
        };
        (card, secrets)
    }

    /// A part of signing in that is needed, or else left out.
    fn part(&mut self, typed: Option<String>, name: &str, (is_needed, most): (bool, usize)) -> Option<String> {
        let pointer = format!("/server/sign_in/{name}");
        match typed {
            Some(typed) if is_needed => self.note(line(&typed, &pointer, most)),
            Some(_) => self.unused(pointer),
            None if is_needed => self.missing(pointer),
            None => None,
        }
    }

    fn token_url(&mut self, typed: Option<String>, is_needed: bool) -> Option<Url> {
        let pointer = "/server/sign_in/token_url";
        let typed = self.part(typed, "token_url", (is_needed, 2_000))?;
        let url = Url::parse(&typed).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        self.note(url.filter(|url| url.username().is_empty()).ok_or_else(|| FieldError::new(pointer, "malformed_link")))
    }

    /// A secret that may be given, must be given or known, or else left out.
    fn secret(
        &mut self,
        given: Option<Secret>,
        kept: Option<Secret>,
        name: &str,
        (is_allowed, is_needed): (bool, bool),
    ) -> Option<Secret> {
        let pointer = format!("/server/sign_in/{name}");
        let Some(given) = given else {
            if kept.is_none() && is_needed {
                self.0.push(FieldError::new(pointer, "secret_missing"));
            }
            return kept;
        };
        let length = given.reveal().chars().count();
        match () {
            () if !is_allowed => self.unused(pointer),
            () if length == 0 => self.missing(pointer),
            () if given.reveal().chars().any(char::is_control) => {
                self.0.push(FieldError::new(pointer, "control_characters"));
                None
            }
            () if length > LONGEST_SECRET => {
                self.0.push(FieldError::new(pointer, "too_long").with("max", LONGEST_SECRET));
                None
            }
            () => Some(given),
        }
    }
}

/// A host's name or address, in lower case.
fn host(typed: &str) -> std::result::Result<String, FieldError> {
    let pointer = "/server/host";
    let typed = line(typed, pointer, LONGEST_HOST)?;
    let bare = typed.trim_matches(['[', ']']);
    if let Ok(address) = bare.parse::<std::net::IpAddr>() {
        return Ok(address.to_string());
    }
    match url::Host::parse(&typed) {
        Ok(url::Host::Domain(name)) => Ok(name.trim_end_matches('.').to_owned()),
        _ => Err(FieldError::new(pointer, "malformed_host")),
    }
}
