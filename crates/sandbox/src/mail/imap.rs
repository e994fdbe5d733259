//! The IMAP side (RFC 3501), for reading alone: signing in, looking at the one folder, searching it and fetching from it. Whatever
//! would change something is not known here.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use data_encoding::BASE64;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{
    SandboxError,
    mail::{
        returns::{ImapEffect, Returned, day_of},
        wire::{Line, Wire},
    },
    world::World,
};

/// Connections at a time, over both listeners.
const MAX_CONNECTIONS: usize = 64;
/// Pause after an error of the listening socket.
const PAUSE: Duration = Duration::from_millis(20);
/// Octets of what never ends.
const GIANT: usize = 64 * 1024 * 1024;

/// The listening sockets.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Where a dialogue begins in clear text.
    pub(crate) clear: TcpListener,
    /// Where it begins with a TLS handshake.
    pub(crate) tls: TcpListener,
}

impl Listeners {
    /// Binds both, so that their addresses are known before anything is served on them.
    pub(crate) async fn bind(clear: SocketAddr, tls: SocketAddr) -> Result<Self, SandboxError> {
        let bind = async |part, address| {
            TcpListener::bind(address).await.map_err(|source| SandboxError::Listen { part, address, source })
        };
        Ok(Self { clear: bind("IMAP", clear).await?, tls: bind("IMAP over TLS", tls).await? })
    }

    /// Serves until the task is aborted.
    pub(crate) async fn serve(self, world: Arc<World>) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let clear = serve(self.clear, false, Arc::clone(&permits), Arc::clone(&world));
        futures::future::join(clear, serve(self.tls, true, permits, world)).await;
    }
}

async fn serve(listener: TcpListener, over_tls: bool, permits: Arc<Semaphore>, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let world = Arc::clone(&world);
        connections.spawn(async move {
            if let Err(error) = converse(stream, over_tls, &world).await {
                tracing::debug!(%from, %error, "an IMAP dialogue broke off");
            }
            drop(permit);
        });
    }
}

/// How far a dialogue has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Stranger,
    SignedIn,
    Looking,
}

struct Session<'a> {
    world: &'a World,
    wire: Wire,
    state: State,
}

async fn converse(stream: TcpStream, over_tls: bool, world: &World) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    if over_tls {
        wire = wire.secured(Arc::clone(&world.tls)).await?;
    }
    let mut session = Session { world, wire, state: State::Stranger };
    session.wire.reply("* OK sandbox, nothing is changed here").await?;
    while let Line::Text(line) = session.wire.read_line().await? {
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb.to_ascii_uppercase().as_str() {
            "LOGOUT" => {
                session.wire.reply("* BYE goodbye").await?;
                session.wire.reply(&format!("{tag} OK done")).await?;
                return session.wire.finish().await;
            }
            "STARTTLS" if session.may_start_tls() => {
                session.wire.reply(&format!("{tag} OK begin the handshake")).await?;
                session.wire = session.wire.secured(Arc::clone(&world.tls)).await?;
            }
            verb => {
                if !session.obey((tag, verb), rest).await? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

impl Session<'_> {
    fn may_start_tls(&self) -> bool {
        self.world.offers_starttls && !self.wire.is_over_tls()
    }

    /// Does what a command says; `false` when the dialogue is over.
    async fn obey(&mut self, (tag, verb): (&str, &str), rest: &str) -> io::Result<bool> {
        let ended = match verb {
            "CAPABILITY" => {
                let more =
                    if self.may_start_tls() { "STARTTLS LOGINDISABLED" } else { "AUTH=PLAIN AUTH=XOAUTH2 SASL-IR" };
                self.wire.reply(&format!("* CAPABILITY IMAP4rev1 {more}")).await?;
                "OK done"
            }
            "NOOP" => "OK done",
            "AUTHENTICATE" if self.state == State::Stranger && !self.may_start_tls() => self.authenticate(rest).await?,
            "EXAMINE" if self.state >= State::SignedIn => self.examine(rest).await?,
            "UID" if self.state == State::Looking => match rest.split_once(' ') {
                Some((search, what)) if search.eq_ignore_ascii_case("SEARCH") => self.search(what).await?,
                Some((fetch, what)) if fetch.eq_ignore_ascii_case("FETCH") => match self.world.returns.effect() {
                    Some(effect) => return self.foil(effect, tag).await,
                    None => self.fetch(what).await?,
                },
                _ => "BAD not known here",
            },
            _ => "BAD not known here, or not now",
        };
        self.wire.reply(&format!("{tag} {ended}")).await?;
        Ok(true)
    }

    async fn authenticate(&mut self, rest: &str) -> io::Result<&'static str> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let said = if initial.is_empty() {
            self.wire.reply("+ ").await?;
            match self.wire.read_line().await? {
                Line::Text(said) => said,
                _ => return Ok("BAD nothing said"),
            }
        } else {
            initial.to_owned()
        };
        let said =
            BASE64.decode(said.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let accounts = &self.world.accounts;
        let knows = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                matches!(said.split('\0').collect::<Vec<_>>()[..], ["", user, password] if accounts.knows(user, password))
            }
            _ => {
                let field =
                    |name: &str| said.split('\x01').find_map(|field| field.strip_prefix(name)).unwrap_or_default();
                accounts.accepts(field("user="), field("auth=Bearer "), std::time::Instant::now())
            }
        };
        if accounts.is_empty() || knows {
            self.state = State::SignedIn;
            return Ok("OK signed in");
        }
        if mechanism.eq_ignore_ascii_case("XOAUTH2") {
            self.wire.reply(&format!("+ {}", BASE64.encode(br#"{"status":"400"}"#))).await?;
            self.wire.read_line().await?;
        }
        Ok("NO [AUTHENTICATIONFAILED] user or secret is wrong")
    }

    async fn examine(&mut self, rest: &str) -> io::Result<&'static str> {
        if !rest.trim_matches('"').eq_ignore_ascii_case("INBOX") {
            self.state = State::SignedIn;
            return Ok("NO [NONEXISTENT] there is only INBOX");
        }
        let (validity, next) = self.world.returns.validity();
        self.wire
            .reply(&format!("* {} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)", self.world.returns.all().len()))
            .await?;
        self.wire.reply(&format!("* OK [UIDVALIDITY {validity}] valid\r\n* OK [UIDNEXT {next}] next")).await?;
        self.state = State::Looking;
        Ok("OK [READ-ONLY] done")
    }

    async fn search(&mut self, what: &str) -> io::Result<&'static str> {
        let mails = self.world.returns.all();
        let last = mails.last().map_or(0, |mail| mail.uid);
        let (kind, value) = what.split_once(' ').unwrap_or((what, ""));
        let first = value.split(':').next().and_then(|first| first.parse().ok()).unwrap_or(0_u32);
        let is_wanted = |mail: &&Returned| match kind {
            // The star is the last one, wherever the range begins (RFC 3501, section 9).
            "UID" => mail.uid >= first.min(last),
            "SINCE" => day_of(&mail.received) >= day_of(value),
            _ => true,
        };
        let found: Vec<String> = mails.iter().filter(is_wanted).map(|mail| mail.uid.to_string()).collect();
        self.wire.reply(format!("* SEARCH {}", found.join(" ")).trim_end()).await?;
        Ok("OK done")
    }

    async fn fetch(&mut self, what: &str) -> io::Result<&'static str> {
        let (set, items) = what.split_once(' ').unwrap_or((what, ""));
        let wanted: Vec<u32> = set.split(',').filter_map(|uid| uid.parse().ok()).collect();
        for (at, mail) in self.world.returns.all().iter().enumerate().filter(|(_, mail)| wanted.contains(&mail.uid)) {
            let head_ends =
                mail.content.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail.content.len(), |at| at + 4);
            let (name, text) = if items.contains("HEADER.FIELDS") {
                // All of them, which is more than was asked for.
                (
                    "BODY[HEADER.FIELDS (CONTENT-TYPE FROM RETURN-PATH AUTO-SUBMITTED)]<0>",
                    mail.content.slice(..head_ends),
                )
            } else {
                ("BODY[]<0>", mail.content.clone())
            };
            let most = items.rsplit_once("<0.").and_then(|(_, most)| most.split('>').next()?.parse().ok());
            let text = text.slice(..text.len().min(most.unwrap_or(usize::MAX)));
            let head = format!(
                "* {} FETCH (UID {} INTERNALDATE \"{}\" {name} {{{}}}\r\n",
                at + 1,
                mail.uid,
                mail.received,
                text.len()
            );
            self.wire.send(&[head.as_bytes(), &text, b")\r\n"].concat()).await?;
        }
        Ok("OK done")
    }

    /// Does something else instead; `false` when the dialogue is over.
    async fn foil(&mut self, effect: ImapEffect, tag: &str) -> io::Result<bool> {
        match effect {
            ImapEffect::GiantLiteral => {
                self.wire.send(format!("* 1 FETCH (UID 1 BODY[]<0> {{{GIANT}}}\r\n").as_bytes()).await?;
                self.flood().await
            }
            ImapEffect::EndlessLine => {
                self.wire.send(b"* SEARCH").await?;
                self.flood().await
            }
            ImapEffect::Nonsense => {
                self.wire.reply("* 0 FETCH (((((\r\n* \x01\x02 {x}\r\n* 4294967296 EXISTS").await?;
                self.wire.reply(&format!("{tag} OK done")).await?;
                Ok(true)
            }
            ImapEffect::Silence => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(false)
            }
            ImapEffect::HangUp => Ok(false),
        }
    }

    async fn flood(&mut self) -> io::Result<bool> {
        let piece = b" 1234567".repeat(8 * 1024);
        for _ in 0..GIANT / piece.len() {
            self.wire.send(&piece).await?;
        }
        Ok(false)
    }
}
