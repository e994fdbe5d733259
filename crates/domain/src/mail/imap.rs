//! One IMAP dialogue (RFC 3501), as far as reading needs it: bounded in what is read, in the size of each response, and in the
//! time of each step, for whoever answers is a stranger.

use std::sync::Arc;
use std::time::Duration;

use imap_codec::fragmentizer::{DecodeMessageError, Fragmentizer};
use imap_codec::imap_types::IntoStatic as _;
use imap_codec::imap_types::response::{
    Bye, Code, CommandContinuationRequest, Data, GreetingKind, Response, Status, StatusBody, StatusKind, Tagged,
};
use imap_codec::{GreetingCodec, ResponseCodec};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fault::{MailFault, short};
use super::mailbox::MailboxFault;

type Result<T> = std::result::Result<T, MailboxFault>;

/// The largest response that is read, in octets; larger ones are an end.
const MOST_OF_RESPONSE: u32 = 2 * 1024 * 1024;
/// What is read of one dialogue in all, in octets.
const MOST_IN_ALL: usize = 64 * 1024 * 1024;
/// What is read at once.
const PIECE: usize = 16 * 1024;

/// What a dialogue goes over.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// What a server says besides how a command ended.
pub(super) enum Heard {
    /// An untagged response with data.
    Data(Data<'static>),
    /// What an untagged status tells programs.
    Code(Code<'static>),
}

/// How a command ended, when it did not end well.
pub(super) struct Refusal(pub(super) String);

/// A dialogue.
pub(super) struct Dialogue {
    stream: Box<dyn Stream>,
    fragments: Fragmentizer,
    limit: Duration,
    /// Octets that may still be read.
    left: usize,
    commands: u32,
}

impl Dialogue {
    /// Begins a dialogue over a connection, and hears the greeting where there is to be one.
    pub(super) async fn begin(
        stream: impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
        limit: Duration,
    ) -> Result<Self> {
        let mut begun = Self::over(Box::new(stream), limit);
        begun.greeted().await?;
        Ok(begun)
    }

    fn over(stream: Box<dyn Stream>, limit: Duration) -> Self {
        Self { stream, fragments: Fragmentizer::new(MOST_OF_RESPONSE), limit, left: MOST_IN_ALL, commands: 0 }
    }

    /// The same dialogue behind a TLS handshake. What was read and not looked at yet is thrown away: it came in clear text.
    pub(super) async fn secured(self, tls: Arc<ClientConfig>, host: &str) -> Result<Self> {
        let stream = handshake(self.stream, (tls, host), self.limit).await?;
        Ok(Self::over(Box::new(stream), self.limit))
    }

    async fn greeted(&mut self) -> Result<()> {
        self.complete().await?;
        let greeting = self.fragments.decode_message(&GreetingCodec::default()).map_err(|_| nonsense())?;
        match greeting.kind {
            GreetingKind::Ok => Ok(()),
            // Somebody is signed in already, who need not be the one that is meant.
            GreetingKind::PreAuth => Err(MailboxFault::Broken("it greets somebody who is signed in".to_owned())),
            GreetingKind::Bye => Err(MailboxFault::Refused(short(greeting.text.inner()))),
        }
    }

    /// Says a command and hears its end; what comes before goes to `hear`.
    pub(super) async fn command(
        &mut self,
        command: &str,
        hear: impl FnMut(Heard),
    ) -> Result<std::result::Result<(), Refusal>> {
        self.command_with(command, None, hear).await
    }

    /// The same with what is said when the server asks to go on; it is said once, and an empty line after that (RFC 3501,
    /// 6.2.2), so that a refusal comes to its end.
    pub(super) async fn command_with(
        &mut self,
        command: &str,
        mut more: Option<String>,
        mut hear: impl FnMut(Heard),
    ) -> Result<std::result::Result<(), Refusal>> {
        self.commands += 1;
        let tag = format!("k{}", self.commands);
        self.say(&format!("{tag} {command}")).await?;
        loop {
            match self.response(&tag).await? {
                None => {}
                Some(Response::Data(data)) => hear(Heard::Data(data)),
                Some(Response::CommandContinuationRequest(_)) => self.say(&more.take().unwrap_or_default()).await?,
                Some(Response::Status(Status::Tagged(Tagged { tag: own, body }))) if own.inner() == tag => {
                    return Ok(ended(body, &mut hear));
                }
                Some(Response::Status(Status::Tagged(_))) => return Err(nonsense()),
                Some(Response::Status(Status::Untagged(StatusBody { code, .. }))) => {
                    code.into_iter().for_each(|code| hear(Heard::Code(code)));
                }
                Some(Response::Status(Status::Bye(Bye { text, .. }))) => {
                    return Err(MailboxFault::Refused(short(text.inner())));
                }
            }
        }
    }

    async fn say(&mut self, line: &str) -> Result<()> {
        let said = async {
            self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
            self.stream.flush().await
        };
        match timeout(self.limit, said).await {
            Ok(said) => said.map_err(|fault| broke_off(&fault)),
            Err(_) => Err(MailboxFault::Mail(MailFault::Silent)),
        }
    }

    /// The next response; `None` for one that makes no sense and ends nothing, as servers have them that know more than we do.
    async fn response(&mut self, tag: &str) -> Result<Option<Response<'static>>> {
        self.complete().await?;
        match self.fragments.decode_message(&ResponseCodec::default()) {
            Ok(response) => Ok(Some(response.into_static())),
            Err(DecodeMessageError::MessageTooLong { .. }) => Err(too_much()),
            // What a server says when it asks to go on does not matter, and not all say it as they should.
            Err(_) if self.fragments.message_bytes().starts_with(b"+") => {
                let go_on = CommandContinuationRequest::base64(Vec::<u8>::new());
                Ok(Some(Response::CommandContinuationRequest(go_on)))
            }
            Err(_) if self.fragments.decode_tag().is_some_and(|own| own.inner() == tag) => Err(nonsense()),
            Err(_) => Ok(None),
        }
    }

    /// Reads until a response is complete.
    async fn complete(&mut self) -> Result<()> {
        loop {
            if self.fragments.progress().is_some() {
                if self.fragments.is_message_complete() {
                    return Ok(());
                }
                continue;
            }
            if self.fragments.is_max_message_size_exceeded() {
                return Err(too_much());
            }
            let mut piece = vec![0; PIECE];
            let read = timeout(self.limit, self.stream.read(&mut piece)).await;
            let read = read.map_err(|_| MailboxFault::Mail(MailFault::Silent))?.map_err(|fault| broke_off(&fault))?;
            if read == 0 {
                return Err(MailboxFault::Mail(MailFault::Unreachable("it hung up".to_owned())));
            }
            self.left = self.left.checked_sub(read).ok_or_else(too_much)?;
            self.fragments.enqueue_bytes(piece.get(..read).unwrap_or_default());
        }
    }
}

/// Begins TLS on a connection.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (tls, host): (Arc<ClientConfig>, &str),
    limit: Duration,
) -> Result<tokio_rustls::client::TlsStream<S>> {
    let failed = |reason: String| MailboxFault::Mail(MailFault::Tls(short(&reason)));
    let bare = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(bare).map_err(|fault| failed(fault.to_string()))?;
    match timeout(limit, TlsConnector::from(tls).connect(name, stream)).await {
        Ok(shaken) => shaken.map_err(|fault| failed(fault.to_string())),
        Err(_) => Err(MailboxFault::Mail(MailFault::Silent)),
    }
}

/// How a command ended; what its end tells programs is heard, too.
fn ended(body: StatusBody<'static>, hear: &mut impl FnMut(Heard)) -> std::result::Result<(), Refusal> {
    let StatusBody { kind, code, text } = body;
    code.into_iter().for_each(|code| hear(Heard::Code(code)));
    match kind {
        StatusKind::Ok => Ok(()),
        StatusKind::No | StatusKind::Bad => Err(Refusal(short(text.inner()))),
    }
}

fn nonsense() -> MailboxFault {
    MailboxFault::Broken("it says what no IMAP server says".to_owned())
}

fn too_much() -> MailboxFault {
    MailboxFault::Broken("it says more than is read".to_owned())
}

fn broke_off(fault: &std::io::Error) -> MailboxFault {
    MailboxFault::Mail(MailFault::Unreachable(short(&fault.to_string())))
}
