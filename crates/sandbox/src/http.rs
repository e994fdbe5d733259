//! The HTTP listeners: the SMP's, and that of page and control.

use std::{
    any::Any,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, web};
use socket2::{SockRef, Socket};

use crate::{SandboxError, control, smp, world::World};

/// Connections each listener holds at most; more wait unaccepted.
const MAX_CONNECTIONS: usize = 1024;
/// How long requests in flight may take when the sandbox stops, in seconds.
const SHUTDOWN_SECONDS: u64 = 1;

/// A second handle on a connection, so that a handler can decide how it ends.
#[derive(Debug)]
pub(crate) struct Resettable(Socket);

impl Resettable {
    /// Makes the connection end in a reset: closing it discards what is unsent and sends RST.
    pub(crate) fn reset_on_close(&self) {
        if let Err(error) = self.0.set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "a connection cannot be reset");
        }
    }
}

/// Binds a listener, whose address is known before anything is served on it.
pub(crate) fn bind(part: &'static str, address: SocketAddr) -> Result<TcpListener, SandboxError> {
    TcpListener::bind(address).map_err(|source| SandboxError::Listen { part, address, source })
}

/// Serves the SMP. The server runs when polled, with one thread for connections and one for requests.
pub(crate) fn smp(listener: TcpListener, world: Arc<World>) -> Result<Server, SandboxError> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::from(Arc::clone(&world))).default_service(web::to(smp::answer))
    });
    let server = server
        .on_connect(remember_connection)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .h1_allow_half_closed(false)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    Ok(server.listen(listener).map_err(SandboxError::Serve)?.run())
}

/// Serves page and control.
pub(crate) fn control(listener: TcpListener, world: Arc<World>) -> Result<Server, SandboxError> {
    let server =
        HttpServer::new(move || App::new().app_data(web::Data::from(Arc::clone(&world))).configure(control::routes));
    let server =
        server.workers(1).max_connections(MAX_CONNECTIONS).shutdown_timeout(SHUTDOWN_SECONDS).disable_signals();
    Ok(server.listen(listener).map_err(SandboxError::Serve)?.run())
}

fn remember_connection(connection: &dyn Any, extensions: &mut actix_web::dev::Extensions) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else {
        return;
    };
    if let Ok(handle) = SockRef::from(stream).try_clone() {
        extensions.insert(Resettable(handle));
    }
}
