//! The SMTP side (RFC 5321 without TLS and authentication): every sender, recipient and content is taken.

mod session;
mod wire;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::{SandboxError, world::World};

/// Connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Pause after an error of the listening socket.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, SandboxError> {
    TcpListener::bind(address).await.map_err(|source| SandboxError::Listen { part: "SMTP", address, source })
}

/// Takes mails until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, world: Arc<World>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
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
            world.counters().count_smtp_connection();
            if let Err(error) = session::converse(stream, &world).await {
                tracing::debug!(%from, %error, "a mail dialogue broke off");
            }
            drop(permit);
        });
    }
}
