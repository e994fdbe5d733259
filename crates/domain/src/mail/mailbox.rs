//! Mailboxes that are read, by IMAP (RFC 3501): nothing in them is changed, marked or removed.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::response::{Code, Data};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::{MailFault, short};
use super::imap::{Dialogue, Heard, Refusal, handshake};
use super::mailer::Mailer;
use super::server::{MailServer, Security, SignIn};
use crate::kernel::clock::Instant;
use crate::kernel::secrets::Secret;

/// What is read of a mail, in octets. A report begins with what happened (RFC 3464, section 1.5); behind it comes the mail that
/// it is about, which may be as long as it likes.
pub const MOST_OF_MAIL: u32 = 256 * 1024;
/// What is read of a mail's headers, in octets.
const MOST_OF_HEAD: u32 = 16 * 1024;
/// Keys of mails that are believed to be there; a server with more is read from its first ones on.
const MOST_FOUND: usize = 100_000;

/// Why a mailbox could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFault {
    /// Its server could not be reached, or not as it must be.
    Mail(MailFault),
    /// It does not accept who signs in: its words.
    SignInRefused(String),
    /// It has no such folder, or shows it to somebody else: its words.
    NoFolder(String),
    /// It refused: its words.
    Refused(String),
    /// What it says makes no sense, or is more than is read.
    Broken(String),
}

impl fmt::Display for MailboxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(fault) => fault.fmt(f),
            Self::SignInRefused(words) => write!(f, "the mail server refused the sign-in: {words}"),
            Self::NoFolder(words) => write!(f, "the mail server does not show the folder: {words}"),
            Self::Refused(words) => write!(f, "the mail server said {words}"),
            Self::Broken(reason) => write!(f, "the mail server cannot be understood: {reason}"),
        }
    }
}

type Result<T> = std::result::Result<T, MailboxFault>;

/// What a mail begins with, and what the server knows of it.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its key in the folder.
    pub uid: u32,
    /// When the server got it, when it says so.
    pub received_at: Option<Instant>,
    /// Those of its headers that say whether it is a report.
    pub headers: Vec<u8>,
}

/// A mailbox that somebody is signed in to.
pub struct Mailbox {
    dialogue: Dialogue,
}

impl Mailer {
    /// Signs in to a mailbox. Takes as long as the settings allow for each step.
    ///
    /// # Errors
    /// What went wrong first.
    pub async fn open_mailbox(&self, server: &MailServer) -> Result<Mailbox> {
        let addresses = self.addresses(server).await.map_err(MailboxFault::Mail)?;
        let mut dialogue = self.reach(server, &addresses).await?;
        let offers = offers(&mut dialogue).await?;
        let shown = match &server.sign_in {
            SignIn::None => return Err(MailboxFault::Mail(MailFault::NoSignIn)),
            SignIn::Password { username, password } => Shown::Password(username, password.clone()),
            SignIn::Token { username, grant } => {
                let token = self.token(grant).await.map_err(|fault| MailboxFault::Mail(MailFault::NoToken(fault)))?;
                Shown::Token(username, token)
            }
        };
        let signed_in = sign_in(&mut dialogue, &shown, &offers).await;
        if let (Err(MailboxFault::SignInRefused(_)), SignIn::Token { grant, .. }) = (&signed_in, &server.sign_in) {
            self.forget_token(grant);
        }
        signed_in.map(|()| Mailbox { dialogue })
    }

    /// Signs in, looks at a folder and leaves.
    ///
    /// # Errors
    /// What went wrong first.
    pub async fn check_mailbox(&self, server: &MailServer, folder: &str) -> Result<()> {
        let mut mailbox = self.open_mailbox(server).await?;
        mailbox.examine(folder).await?;
        mailbox.leave().await;
        Ok(())
    }

    /// Connects and begins TLS as the security asks.
    async fn reach(&self, server: &MailServer, addresses: &[SocketAddr]) -> Result<Dialogue> {
        let limit = self.limit();
        let stream = match timeout(limit, TcpStream::connect(addresses)).await {
            Ok(connected) => {
                connected.map_err(|fault| MailboxFault::Mail(MailFault::Unreachable(short(&fault.to_string()))))?
            }
            Err(_) => return Err(MailboxFault::Mail(MailFault::Silent)),
        };
        let tls = || (Arc::clone(self.tls_of_mailboxes()), server.host.as_str());
        match server.security {
            Security::Tls => Dialogue::begin(handshake(stream, tls(), limit).await?, limit).await,
            Security::None => Dialogue::begin(stream, limit).await,
            Security::Starttls => {
                let mut clear = Dialogue::begin(stream, limit).await?;
                if !offers(&mut clear).await?.contains("STARTTLS") {
                    return Err(MailboxFault::Mail(MailFault::NoStarttls));
                }
                clear.command("STARTTLS", |_| {}).await?.map_err(refused)?;
                let (tls, host) = tls();
                clear.secured(tls, host).await
            }
        }
    }
}

/// What a server offers here and now, in capitals (RFC 3501, 6.1.1).
async fn offers(dialogue: &mut Dialogue) -> Result<BTreeSet<String>> {
    let mut offered = BTreeSet::new();
    let hear = |heard| {
        if let Heard::Data(Data::Capability(all)) = heard {
            offered.extend(all.as_ref().iter().map(|one| one.to_string().to_ascii_uppercase()));
        }
    };
    dialogue.command("CAPABILITY", hear).await?.map_err(refused)?;
    Ok(offered)
}

/// What a server is shown of whoever signs in: a name, and a password or an access token.
enum Shown<'a> {
    Password(&'a str, Secret),
    Token(&'a str, Secret),
}

async fn sign_in(dialogue: &mut Dialogue, shown: &Shown<'_>, offers: &BTreeSet<String>) -> Result<()> {
    let (mechanism, said) = match shown {
        Shown::Password(username, password) => ("PLAIN", format!("\0{username}\0{}", password.reveal())),
        Shown::Token(username, token) => {
            ("XOAUTH2", format!("user={username}\x01auth=Bearer {}\x01\x01", token.reveal()))
        }
    };
    let said = STANDARD.encode(said);
    let ended = match shown {
        _ if offers.contains(&format!("AUTH={mechanism}")) && offers.contains("SASL-IR") => {
            dialogue.command(&format!("AUTHENTICATE {mechanism} {said}"), |_| {}).await?
        }
        _ if offers.contains(&format!("AUTH={mechanism}")) => {
            dialogue.command_with(&format!("AUTHENTICATE {mechanism}"), Some(said), |_| {}).await?
        }
        Shown::Password(username, password) if !offers.contains("LOGINDISABLED") => {
            let quoted = quoted(username).zip(quoted(password.reveal()));
            let (username, password) = quoted.ok_or(MailboxFault::Mail(MailFault::NoSignIn))?;
            dialogue.command(&format!("LOGIN {username} {password}"), |_| {}).await?
        }
        _ => return Err(MailboxFault::Mail(MailFault::NoSignIn)),
    };
    ended.map_err(|Refusal(words)| MailboxFault::SignInRefused(words))
}

/// A text in quotation marks (RFC 3501, 4.3), which holds ASCII alone.
fn quoted(text: &str) -> Option<String> {
    let is_plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    is_plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn refused(Refusal(words): Refusal) -> MailboxFault {
    MailboxFault::Refused(words)
}

impl Mailbox {
    /// Looks at a folder without changing anything (RFC 3501, 6.3.2). Returns what its keys are valid for: another number
    /// means that the keys are others, too.
    ///
    /// # Errors
    /// [`MailboxFault`].
    pub async fn examine(&mut self, folder: &str) -> Result<u32> {
        let unnamed = || MailboxFault::NoFolder("no such name".to_owned());
        let mut validity = None;
        let hear = |heard| {
            if let Heard::Code(Code::UidValidity(number)) = heard {
                validity = Some(number.get());
            }
        };
        let command = format!("EXAMINE {}", quoted(folder).ok_or_else(unnamed)?);
        let ended = self.dialogue.command(&command, hear).await?;
        ended.map_err(|Refusal(words)| MailboxFault::NoFolder(words))?;
        validity.ok_or_else(|| MailboxFault::Broken("the folder's mails have no lasting keys".to_owned()))
    }

    /// The keys of the mails behind one, in order.
    ///
    /// # Errors
    /// [`MailboxFault`].
    pub async fn behind(&mut self, uid: u32) -> Result<Vec<u32>> {
        let Some(first) = uid.checked_add(1) else { return Ok(Vec::new()) };
        // The last mail is named even when it lies before the first one that is asked for (RFC 3501, 6.4.8).
        let found = self.search(&format!("UID {first}:*")).await?;
        Ok(found.into_iter().filter(|found| *found > uid).collect())
    }

    /// The keys of the mails that came on a day or later, in order.
    ///
    /// # Errors
    /// [`MailboxFault`].
    pub async fn since(&mut self, day: Instant) -> Result<Vec<u32>> {
        let day = day.in_zone(&jiff::tz::TimeZone::UTC).strftime("%d-%b-%Y").to_string();
        Ok(self.search(&format!("SINCE {day}")).await?.into_iter().collect())
    }

    async fn search(&mut self, what: &str) -> Result<BTreeSet<u32>> {
        let mut found = BTreeSet::new();
        let hear = |heard| {
            if let Heard::Data(Data::Search(uids)) = heard {
                let room = MOST_FOUND.saturating_sub(found.len());
                found.extend(uids.into_iter().take(room).map(std::num::NonZeroU32::get));
            }
        };
        self.dialogue.command(&format!("UID SEARCH {what}"), hear).await?.map_err(refused)?;
        Ok(found)
    }

    /// What these mails begin with, by key; those that are gone by now are left out.
    ///
    /// # Errors
    /// [`MailboxFault`].
    pub async fn heads(&mut self, uids: &[u32]) -> Result<Vec<Head>> {
        let mut heads: Vec<Head> = Vec::with_capacity(uids.len());
        let hear = |heard| {
            let Heard::Data(Data::Fetch { items, .. }) = heard else { return };
            let Some(head) = head_of(items.into_inner()) else { return };
            // Only what was asked for, and each once, so that nobody fills our memory.
            if uids.binary_search(&head.uid).is_ok() && heads.iter().all(|known| known.uid != head.uid) {
                heads.push(head);
            }
        };
        let named = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let fields = "HEADER.FIELDS (CONTENT-TYPE FROM RETURN-PATH AUTO-SUBMITTED)";
        let wanted = format!("(UID INTERNALDATE BODY.PEEK[{fields}]<0.{MOST_OF_HEAD}>)");
        self.dialogue.command(&format!("UID FETCH {named} {wanted}"), hear).await?.map_err(refused)?;
        heads.sort_unstable_by_key(|head| head.uid);
        Ok(heads)
    }

    /// A mail, or its first [`MOST_OF_MAIL`] octets; `None` when it is gone by now.
    ///
    /// # Errors
    /// [`MailboxFault`].
    pub async fn beginning(&mut self, uid: u32) -> Result<Option<Vec<u8>>> {
        let mut mail = None;
        let hear = |heard| {
            let Heard::Data(Data::Fetch { items, .. }) = heard else { return };
            let items = items.into_inner();
            if items.iter().any(|item| matches!(item, MessageDataItem::Uid(own) if own.get() == uid)) {
                mail = items.into_iter().find_map(text_of).or(mail.take());
            }
        };
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<0.{MOST_OF_MAIL}>)");
        self.dialogue.command(&command, hear).await?.map_err(refused)?;
        Ok(mail)
    }

    /// Says goodbye.
    pub async fn leave(mut self) {
        // A server says goodbye before it says that the command ended (RFC 3501, 6.1.3), and may say nothing.
        let _ = self.dialogue.command("LOGOUT", |_| {}).await;
    }
}

fn head_of(items: Vec<MessageDataItem<'static>>) -> Option<Head> {
    let (mut uid, mut received_at, mut headers) = (None, None, Vec::new());
    for item in items {
        match item {
            MessageDataItem::Uid(own) => uid = Some(own.get()),
            MessageDataItem::InternalDate(at) => {
                received_at = Some(Instant(at.as_ref().timestamp_micros()));
            }
            other => headers = text_of(other).unwrap_or(headers),
        }
    }
    Some(Head { uid: uid?, received_at, headers })
}

fn text_of(item: MessageDataItem<'static>) -> Option<Vec<u8>> {
    match item {
        MessageDataItem::BodyExt { data, .. } => data.into_option().map(std::borrow::Cow::into_owned),
        _ => None,
    }
}
