//! The lines of a dialogue with a mail server: bounded in length, and in the time that the client may take for each.

use std::{io, sync::Arc, time::Duration};

use rustls::ServerConfig;

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::mail::MAX_MAIL_BYTES;

/// Time a client may take for its next line, for a handshake, and to take a reply.
const IDLE: Duration = Duration::from_secs(60);
/// Longest line of a sign-in (RFC 4954, section 4).
const MAX_LINE: u64 = 12_288;
/// A line of content is read in pieces of at most this size.
const CONTENT_PIECE: u64 = 64 * 1024;
/// Content beyond the largest mail that is read and thrown away before the connection is closed.
const MAX_EXCESS: usize = 4 * MAX_MAIL_BYTES;

/// What a dialogue goes over.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A line from the client.
pub(super) enum Line {
    /// The line without its end.
    Text(String),
    /// More than a line may have; what follows in the stream is no line.
    TooLong,
    /// The client has gone.
    Gone,
}

/// The server's end of a connection.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Connection>>,
    over_tls: bool,
}

impl Wire {
    /// A connection in clear text.
    pub(super) fn new(connection: impl Connection + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(connection)), over_tls: false }
    }

    /// The same connection after a TLS handshake. What was read and not yet looked at is thrown away: it came in clear
    /// text, so anybody on the way can have put it there (RFC 3207, section 6).
    pub(super) async fn secured(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        let connection = self.stream.into_inner();
        let secured = timeout(IDLE, TlsAcceptor::from(config).accept(connection)).await??;
        Ok(Self { stream: BufReader::new(Box::new(secured)), over_tls: true })
    }

    pub(super) fn is_over_tls(&self) -> bool {
        self.over_tls
    }

    /// Tells the client that nothing follows, so that it can tell the end of the dialogue from a broken connection.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        timeout(IDLE, self.stream.shutdown()).await?
    }

    /// The next line, of a command or of a sign-in.
    pub(super) async fn read_line(&mut self) -> io::Result<Line> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(MAX_LINE);
        tokio::pin!(read);
        timeout(IDLE, read.read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(Line::Gone);
        }
        if line.last() != Some(&b'\n') {
            return Ok(Line::TooLong);
        }
        Ok(Line::Text(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// The content up to the lone dot, with dot-stuffing undone (RFC 5321, section 4.5.2); `None` when it is too large.
    /// A line ends in CR LF only: a lone line feed before the dot does not end a mail.
    pub(super) async fn read_content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        let mut excess = 0;
        let mut at_line_start = true;
        let mut after_cr = false;
        loop {
            let mut piece = Vec::new();
            let read = (&mut self.stream).take(CONTENT_PIECE);
            tokio::pin!(read);
            if timeout(IDLE, read.read_until(b'\n', &mut piece)).await?? == 0 || excess > MAX_EXCESS {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if at_line_start && piece == b".\r\n" {
                return Ok((excess == 0).then_some(content));
            }
            let line = if at_line_start { piece.strip_prefix(b".").unwrap_or(&piece) } else { &piece };
            if content.len() + line.len() > MAX_MAIL_BYTES {
                excess += line.len();
            } else {
                content.extend_from_slice(line);
            }
            // A piece can end between CR and LF, when a line is as long as a piece may be.
            at_line_start = piece.ends_with(b"\r\n") || (after_cr && piece == b"\n");
            after_cr = piece.last() == Some(&b'\r');
        }
    }

    /// Sends a reply one byte at a time, with a pause before each.
    pub(super) async fn drip(&mut self, text: &str, pause: Duration) -> io::Result<()> {
        for byte in format!("{text}\r\n").bytes() {
            tokio::time::sleep(pause).await;
            self.send(&[byte]).await?;
        }
        Ok(())
    }

    /// Sends this where the client waits for the server's part of a handshake, once its own part has begun to arrive,
    /// and ends the connection. To close it on unread bytes would reset it, and the client might not see what was sent.
    pub(super) async fn foil_handshake(&mut self, text: &str) -> io::Result<()> {
        let begun = timeout(IDLE, self.stream.fill_buf()).await??.len();
        self.stream.consume(begun);
        self.send(format!("{text}\r\n").as_bytes()).await?;
        self.finish().await?;
        self.hear_out().await;
        Ok(())
    }

    /// Reads and throws away what comes until the client goes or the time is up.
    pub(super) async fn hear_out(&mut self) {
        // That it broke off is as good an end as any.
        let _ = timeout(IDLE, tokio::io::copy_buf(&mut self.stream, &mut tokio::io::sink())).await;
    }

    /// Sends a reply, whose lines are separated by CR LF.
    pub(super) async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.send(format!("{text}\r\n").as_bytes()).await
    }

    /// Sends this as it is.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(IDLE, sent).await?
    }
}
