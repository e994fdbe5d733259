//! The SMTP side (RFC 5321, with STARTTLS of RFC 3207 and AUTH of RFC 4954): every sender, recipient and content is taken,
//! from whoever has signed in where there are accounts.

mod session;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::{SandboxError, world::World};

/// Connections at a time, over both listeners.
const MAX_CONNECTIONS: usize = 256;
/// Pause after an error of the listening socket.
const PAUSE: Duration = Duration::from_millis(20);

/// When TLS begins on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    /// With STARTTLS, where that is offered; never otherwise.
    Asked,
    /// With the first byte.
    AtOnce,
}

/// The listening sockets of the mail server.
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
        Ok(Self { clear: bind("SMTP", clear).await?, tls: bind("SMTP over TLS", tls).await? })
    }

    /// Takes mails until the task is aborted.
    pub(crate) async fn serve(self, world: Arc<World>) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let clear = serve(self.clear, Tls::Asked, Arc::clone(&permits), Arc::clone(&world));
        futures::future::join(clear, serve(self.tls, Tls::AtOnce, permits, world)).await;
    }
}

async fn bind(part: &'static str, address: SocketAddr) -> Result<TcpListener, SandboxError> {
    TcpListener::bind(address).await.map_err(|source| SandboxError::Listen { part, address, source })
}

async fn serve(listener: TcpListener, tls: Tls, permits: Arc<Semaphore>, world: Arc<World>) {
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
            if let Err(error) = session::converse(stream, tls, &world).await {
                tracing::debug!(%from, %error, "a mail dialogue broke off");
            }
            drop(permit);
        });
    }
}
