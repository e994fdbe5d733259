//! One SMTP dialogue.

mod auth;
mod faulty;

use std::{io, sync::Arc};

use tokio::net::TcpStream;

use crate::{
    faults::{SmtpEffect, SmtpStep},
    label::Label,
    mail::{
        Envelope,
        smtp::Tls,
        wire::{Line, Wire},
    },
    world::World,
};

/// Longest command line but for AUTH (RFC 5321 asks for 512; extensions and long addresses take more).
const MAX_COMMAND: usize = 4096;
/// Recipients of one mail.
const MAX_RECIPIENTS: usize = 1000;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Done,
    Refused,
    Closed,
    /// The client was told to begin the handshake.
    StartTls,
}

/// A connection that is counted as open for as long as this lives.
struct Open<'a>(&'a World);

impl<'a> Open<'a> {
    fn counted(world: &'a World) -> Self {
        world.counters().smtp_connection_begins();
        Self(world)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters().smtp_connection_ends();
    }
}

struct Session<'a> {
    world: &'a World,
    /// Stands before the wire, so that a connection is no longer counted when its client hears that it is closed.
    open: Option<Open<'a>>,
    wire: Wire,
    /// Whether EHLO was said, so that the client knows what is offered.
    extended: bool,
    /// The user signed in.
    account: Option<String>,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// Leads a dialogue to its end.
///
/// # Errors
/// When the connection breaks or idles, or the handshake fails.
pub(super) async fn converse(stream: TcpStream, tls: Tls, world: &World) -> io::Result<()> {
    let mut session = Session::new(world, Some(Open::counted(world)), Wire::new(stream));
    if tls == Tls::AtOnce {
        if session.before_handshake().await? == Step::Closed {
            return Ok(());
        }
        session = session.secured().await?;
    }
    let mut step = session.step(SmtpStep::Connect, "220 sandbox ESMTP, nothing is delivered").await?;
    while step != Step::Closed {
        let Some(line) = session.read_command().await? else {
            return Ok(());
        };
        step = session.obey(&line).await?;
        if step == Step::StartTls {
            session = session.secured().await?;
        }
    }
    Ok(())
}

impl<'a> Session<'a> {
    fn new(world: &'a World, open: Option<Open<'a>>, wire: Wire) -> Self {
        Self { world, open, wire, extended: false, account: None, sender: None, recipients: Vec::new() }
    }

    /// The dialogue as it goes on after a TLS handshake: from its beginning, without greeting, and nothing that was said
    /// in clear text is known any more (RFC 3207, section 4.2).
    async fn secured(self) -> io::Result<Self> {
        let wire = self.wire.secured(Arc::clone(&self.world.tls)).await?;
        Ok(Self::new(self.world, self.open, wire))
    }

    /// The next command line without its end; `None` when the client has gone.
    async fn read_command(&mut self) -> io::Result<Option<String>> {
        let is_command = |line: &str| {
            line.len() < MAX_COMMAND || line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH"))
        };
        match self.wire.read_line().await? {
            Line::Text(line) if is_command(&line) => Ok(Some(line)),
            Line::Gone => Ok(None),
            Line::Text(_) | Line::TooLong => {
                self.close("500 5.5.2 line too long").await?;
                Ok(None)
            }
        }
    }

    async fn obey(&mut self, line: &str) -> io::Result<Step> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.forget();
                let extensions = self.extensions();
                let step = self.step(SmtpStep::Ehlo, &extensions).await?;
                self.extended = step == Step::Done;
                Ok(step)
            }
            "HELO" => {
                self.forget();
                self.extended = false;
                self.step(SmtpStep::Ehlo, "250 sandbox").await
            }
            "AUTH" if !self.world.accounts.is_empty() => self.auth(rest).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "STARTTLS" if self.world.offers_starttls => self.start_tls(rest).await,
            "RSET" => {
                self.forget();
                self.reply("250 2.0.0 forgotten").await
            }
            "NOOP" => self.reply("250 2.0.0 still here").await,
            "VRFY" => self.reply("252 2.5.0 every address is taken").await,
            "QUIT" => self.close("221 2.0.0 bye").await,
            _ => self.reply("502 5.5.1 not known here").await,
        }
    }

    /// The reply to EHLO: what is offered here and now.
    fn extensions(&self) -> String {
        let most = self.world.largest_mail;
        let mut reply = format!("250-sandbox\r\n250-PIPELINING\r\n250-SIZE {most}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n");
        if self.may_start_tls() {
            reply.push_str("250-STARTTLS\r\n");
        }
        if self.offers_auth() {
            reply.push_str("250-AUTH PLAIN LOGIN XOAUTH2\r\n");
        }
        reply.push_str("250 ENHANCEDSTATUSCODES");
        reply
    }

    fn may_start_tls(&self) -> bool {
        self.world.offers_starttls && !self.wire.is_over_tls()
    }

    async fn start_tls(&mut self, rest: &str) -> io::Result<Step> {
        if !rest.is_empty() {
            return self.reply("501 5.5.4 STARTTLS takes no parameter").await;
        }
        if !self.may_start_tls() {
            return self.reply("503 5.5.1 this is TLS already").await;
        }
        let step = self.step(SmtpStep::StartTls, "220 2.0.0 begin the handshake").await?;
        Ok(if step == Step::Done { Step::StartTls } else { step })
    }

    async fn mail(&mut self, rest: &str) -> io::Result<Step> {
        if let Some(refusal) = self.sign_in_missing() {
            return self.reply(refusal).await;
        }
        if self.sender.is_some() {
            return self.reply("503 5.5.1 one mail at a time").await;
        }
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return self.reply("501 5.5.4 MAIL FROM:<address>").await;
        };
        let size =
            parameters.split_whitespace().find_map(|p| p.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok());
        if size.is_some_and(|size: usize| size > self.world.largest_mail) {
            return self.reply("552 5.3.4 mail too large").await;
        }
        let step = self.step(SmtpStep::Mail, "250 2.1.0 sender taken").await?;
        if step == Step::Done {
            self.sender = Some(sender.to_owned());
        }
        Ok(step)
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<Step> {
        if self.sender.is_none() {
            return self.reply("503 5.5.1 MAIL first").await;
        }
        let Some((recipient, _)) = path(rest, "TO:").filter(|(recipient, _)| !recipient.is_empty()) else {
            return self.reply("501 5.5.4 RCPT TO:<address>").await;
        };
        if self.recipients.len() >= MAX_RECIPIENTS {
            return self.reply("452 4.5.3 too many recipients").await;
        }
        let fault = self.fault_for(SmtpStep::Rcpt, &[Label::of(recipient)]);
        let step = self.answer(fault, "250 2.1.5 recipient taken").await?;
        if step == Step::Done {
            self.recipients.push(recipient.to_owned());
        }
        Ok(step)
    }

    async fn data(&mut self) -> io::Result<Step> {
        let Some(sender) = self.sender.clone() else {
            return self.reply("503 5.5.1 MAIL first").await;
        };
        if self.recipients.is_empty() {
            return self.reply("554 5.5.1 no recipient").await;
        }
        let step = self.step(SmtpStep::Data, "354 end with a dot on a line").await?;
        if step != Step::Done {
            return Ok(step);
        }
        let content = self.wire.read_content().await?;
        let fault = self.fault(SmtpStep::Message);
        let Some(content) = content else {
            self.forget();
            return self.reply("552 5.3.4 mail too large").await;
        };
        if matches!(fault, Some(SmtpEffect::Reply(_))) {
            self.forget();
            return self.answer(fault, "").await;
        }
        let recipients = std::mem::take(&mut self.recipients);
        let account = self.account.clone();
        let envelope = Envelope { sender, recipients, account, over_tls: self.wire.is_over_tls() };
        let id = self.world.mailbox.keep(envelope, content);
        self.world.counters().count_mail();
        self.forget();
        self.answer(fault, &format!("250 2.0.0 kept as {id}")).await
    }

    async fn reply(&mut self, text: &str) -> io::Result<Step> {
        self.wire.reply(text).await?;
        Ok(Step::Done)
    }

    /// Replies and ends the connection, which no longer counts as open: the client may open the next one at once.
    async fn close(&mut self, text: &str) -> io::Result<Step> {
        self.open = None;
        self.wire.reply(text).await?;
        self.wire.finish().await?;
        Ok(Step::Closed)
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }
}

/// The address of `FROM:<address> PARAMETERS` or `TO:<address> PARAMETERS`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let rest = rest.trim_start();
    let (found, rest) = rest.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    rest.trim_start().strip_prefix('<')?.split_once('>')
}
