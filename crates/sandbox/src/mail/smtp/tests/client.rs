//! A mail client that does as it is told, right or wrong.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{Sandbox, mail::wire::Connection};

const MAIL: &str = "From: A <a@practice.example>\r\nTo: c@client.example\r\nSubject: =?utf-8?q?D=C3=A9j=C3=A0?=\r\n\
                    MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
                    --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n..dotted\r\n\
                    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick=\"x()\">Hello</p><script>1</script>\r\n--b--\r\n.\r\n";

/// Says lines and hears replies.
pub(super) struct Client {
    stream: BufReader<Box<dyn Connection>>,
    /// The last reply, all its lines.
    pub(super) heard: String,
}

impl Client {
    pub(super) async fn connect_to(server: SocketAddr) -> Self {
        Self::on(Box::new(TcpStream::connect(server).await.unwrap()))
    }

    fn on(connection: Box<dyn Connection>) -> Self {
        Self { stream: BufReader::new(connection), heard: String::new() }
    }

    pub(super) async fn connect(sandbox: &Sandbox) -> Self {
        Self::connect_to(sandbox.smtp_addr()).await
    }

    pub(super) async fn greeted(sandbox: &Sandbox) -> Self {
        let mut client = Self::connect(sandbox).await;
        client.be_greeted().await;
        client
    }

    pub(super) async fn be_greeted(&mut self) {
        assert_eq!(self.hear().await, Some(220));
        assert_eq!(self.say("EHLO tester").await, Some(250));
    }

    /// A dialogue after STARTTLS, EHLO said again.
    pub(super) async fn after_starttls(sandbox: &Sandbox) -> Self {
        let mut client = Self::greeted(sandbox).await;
        assert_eq!(client.say("STARTTLS").await, Some(220));
        let mut client = client.secured(sandbox, "localhost").await.unwrap();
        assert_eq!(client.say("EHLO tester").await, Some(250));
        client
    }

    /// The same connection after a handshake with a server of this name that the sandbox's root vouches for.
    pub(super) async fn secured(self, sandbox: &Sandbox, name: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(sandbox.root_certificate_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let secured = TlsConnector::from(Arc::new(config)).connect(name, self.stream.into_inner()).await?;
        Ok(Self::on(Box::new(secured)))
    }

    /// Code of the next reply, all its lines read; `None` when the connection is closed.
    pub(super) async fn hear(&mut self) -> Option<u16> {
        self.heard.clear();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            assert!(line.ends_with("\r\n"));
            self.heard.push_str(&line);
            if line.as_bytes()[3] == b' ' {
                return line[..3].parse().ok();
            }
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(super) async fn say(&mut self, line: &str) -> Option<u16> {
        self.send(&format!("{line}\r\n")).await;
        self.hear().await
    }

    /// Whatever comes until the connection is closed or reset.
    pub(super) async fn hear_raw(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset ends it as well as a close does.
        let _ = self.stream.read_to_end(&mut bytes).await;
        bytes
    }

    /// Says that nothing follows, and still listens.
    pub(super) async fn fall_silent(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Sends a mail step by step and gives the last code heard.
    pub(super) async fn mail(&mut self, recipient: &str) -> Option<u16> {
        let mut code = None;
        for line in ["MAIL FROM:<a@practice.example>", &format!("RCPT TO:<{recipient}>"), "DATA"] {
            code = self.say(line).await;
            if !matches!(code, Some(250 | 354)) {
                return code;
            }
        }
        assert_eq!(code, Some(354));
        self.send(MAIL).await;
        self.hear().await
    }
}
