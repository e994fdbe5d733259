//! What is wrong with the servers of a sender: the one that takes its mails, and the one with the mailbox they come back to.

use url::Url;

use super::checks::{BounceDraft, ServerDraft};
use super::fields::Wrong;
use super::model::{BounceBox, Secrets, ServerCard, SignInKind};
use crate::kernel::config::MOST_RETURN_PATH;
use crate::kernel::error::FieldError;
use crate::kernel::secrets::Secret;
use crate::kernel::text::{filled, line};
use crate::mail::Security;

const LONGEST_HOST: usize = 253;
const LONGEST_USERNAME: usize = 320;
/// Microsoft's refresh tokens have some two thousand characters.
const LONGEST_SECRET: usize = 8_000;

/// Names of folders are longer nowhere.
const LONGEST_FOLDER: usize = 255;

/// What a server is for: where it stands in what somebody gives, and which ports are usual.
pub(super) struct Use {
    at: &'static str,
    ports: [u16; 3],
}

/// It takes mails.
pub(super) const FOR_MAILS: Use = Use { at: "/server", ports: [465, 587, 25] };
/// It has the mailbox that mails come back to.
const FOR_BOUNCES: Use = Use { at: "/bounces", ports: [993, 143, 143] };

impl Wrong {
    /// Checks a mailbox that mails come back to; of the one before it keeps secrets as a server does.
    pub(super) fn bounces(
        &mut self,
        draft: BounceDraft,
        before: Option<(&ServerCard, &Secrets)>,
    ) -> (BounceBox, Secrets) {
        let BounceDraft { server, folder, return_path } = draft;
        let has_sign_in = server.sign_in.as_deref().is_some_and(|kind| kind != SignInKind::None.as_str());
        if !has_sign_in {
            self.0.push(FieldError::new("/bounces/sign_in", "missing"));
        }
        let (server, secrets) = self.server(server, &FOR_BOUNCES, before);
        let folder = folder.as_deref().and_then(filled).unwrap_or("INBOX");
        let folder = line(folder, "/bounces/folder", LONGEST_FOLDER).and_then(|name| {
            let is_plain = name.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            is_plain.then_some(name).ok_or_else(|| FieldError::new("/bounces/folder", "malformed_folder"))
        });
        let folder = self.note(folder).unwrap_or_default();
        let return_path = self.email(return_path.as_deref(), "/bounces/return_path");
        let is_long =
            |address: &String| address.split_once('@').is_some_and(|(local, _)| local.len() > MOST_RETURN_PATH);
        if return_path.as_ref().is_some_and(is_long) {
            self.0.push(FieldError::new("/bounces/return_path", "no_room_for_mark").with("max", MOST_RETURN_PATH));
        }
        (BounceBox { server, folder, return_path }, secrets)
    }

    /// Checks a server; of the one before it keeps secrets that were given for the same place.
    pub(super) fn server(
        &mut self,
        draft: ServerDraft,
        of: &Use,
        before: Option<(&ServerCard, &Secrets)>,
    ) -> (ServerCard, Secrets) {
        let at = |name: &str| format!("{}/{name}", of.at);
        let words = |all: &[&str]| all.join(", ");
        let security = draft.security.as_deref().unwrap_or("tls").parse::<Security>().map_err(|()| {
            FieldError::new(at("security"), "unknown_value").with("values", words(&Security::ALL.map(Security::as_str)))
        });
        let security = self.note(security).unwrap_or(Security::Tls);
        let sign_in = draft.sign_in.as_deref().unwrap_or("none").parse::<SignInKind>().map_err(|()| {
            FieldError::new(at("sign_in/kind"), "unknown_value")
                .with("values", words(&SignInKind::ALL.map(SignInKind::as_str)))
        });
        let sign_in = self.note(sign_in).unwrap_or(SignInKind::None);
        let [at_once, behind_starttls, clear] = of.ports;
        let usual = match security {
            Security::Tls => at_once,
            Security::Starttls => behind_starttls,
            Security::None => clear,
        };
        let port = draft.port.map_or(Ok(usual), |port| {
            let known = u16::try_from(port).ok().filter(|port| *port > 0);
            known.ok_or_else(|| FieldError::new(at("port"), "out_of_range").with("min", 1).with("max", u16::MAX))
        });
        let port = self.note(port).unwrap_or(usual);
        let is_token = sign_in == SignInKind::Xoauth2;
        let card = ServerCard {
            host: self.note(host(&draft.host, &at("host"))).unwrap_or_default(),
            port,
            security,
            sign_in,
            username: self.part(
                draft.username,
                &at("sign_in/username"),
                (sign_in != SignInKind::None, LONGEST_USERNAME),
            ),
            token_url: self.token_url(draft.token_url, at("sign_in/token_url"), is_token),
            client_id: self.part(draft.client_id, &at("sign_in/client_id"), (is_token, LONGEST_USERNAME)),
        };
        let kept = before.filter(|(known, _)| card.shares_secrets_with(known)).map(|(_, secrets)| secrets.clone());
        let kept = kept.unwrap_or_default();
        let is_password = sign_in == SignInKind::Password;
        let secrets = Secrets {
            password: self.secret(draft.password, kept.password, at("sign_in/password"), (is_password, is_password)),
            client_secret: self.secret(
                draft.client_secret,
                kept.client_secret,
                at("sign_in/client_secret"),
                (is_token, false),
            ),
            refresh_token: self.secret(
                draft.refresh_token,
                kept.refresh_token,
                at("sign_in/refresh_token"),
                (is_token, is_token),
            ),
        };
        (card, secrets)
    }

    /// A part of signing in that is needed, or else left out.
    fn part(&mut self, typed: Option<String>, pointer: &str, (is_needed, most): (bool, usize)) -> Option<String> {
        match typed {
            Some(typed) if is_needed => self.note(line(&typed, pointer, most)),
            Some(_) => self.unused(pointer.to_owned()),
            None if is_needed => self.missing(pointer.to_owned()),
            None => None,
        }
    }

    fn token_url(&mut self, typed: Option<String>, pointer: String, is_needed: bool) -> Option<Url> {
        let typed = self.part(typed, &pointer, (is_needed, 2_000))?;
        let url = Url::parse(&typed).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        self.note(url.filter(|url| url.username().is_empty()).ok_or_else(|| FieldError::new(pointer, "malformed_link")))
    }

    /// A secret that may be given, must be given or known, or else left out.
    fn secret(
        &mut self,
        given: Option<Secret>,
        kept: Option<Secret>,
        pointer: String,
        (is_allowed, is_needed): (bool, bool),
    ) -> Option<Secret> {
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
fn host(typed: &str, pointer: &str) -> std::result::Result<String, FieldError> {
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
