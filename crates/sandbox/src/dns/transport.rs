//! The name server's sockets: one UDP socket, and TCP connections in a bounded number.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hickory_proto::op::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use crate::{SandboxError, dns, world::World};

/// TCP connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Idle time after which a TCP connection is closed.
const IDLE: Duration = Duration::from_secs(10);
/// Largest request over UDP or TCP that is looked at; a question takes 300 bytes.
const MAX_REQUEST: usize = 4096;
/// Smallest datagram every asker takes (RFC 1035, section 4.2.1).
const MIN_PAYLOAD: u16 = 512;
/// Pause after a socket error that is not the work of one asker.
const PAUSE: Duration = Duration::from_millis(20);
/// Ports tried until one is free for UDP and TCP alike.
const PORT_ATTEMPTS: usize = 32;

/// The name server's bound sockets, both on one port.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Sockets {
    /// Binds UDP and TCP on the same port; port 0 takes any port that is free for both.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::Listen { part: "DNS", address, source };
        for _ in 1..PORT_ATTEMPTS {
            let udp = UdpSocket::bind(address).await.map_err(failed)?;
            match TcpListener::bind(udp.local_addr().map_err(failed)?).await {
                Ok(tcp) => return Ok(Self { udp, tcp }),
                Err(error) if address.port() != 0 => return Err(failed(error)),
                Err(_) => {}
            }
        }
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let udp = UdpSocket::bind(tcp.local_addr().map_err(failed)?).await.map_err(failed)?;
        Ok(Self { udp, tcp })
    }

    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    /// Answers until the task is aborted.
    pub(crate) async fn serve(self, world: Arc<World>) {
        tokio::join!(serve_udp(self.udp, Arc::clone(&world)), serve_tcp(self.tcp, world));
    }
}

async fn serve_udp(socket: UdpSocket, world: Arc<World>) {
    let mut buffer = [0; MAX_REQUEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Some(request) = buffer.get(..length).and_then(|bytes| Message::from_vec(bytes).ok()) else {
            continue;
        };
        let Some(response) = dns::answer(&world, &request) else {
            continue;
        };
        let limit = usize::from(request.max_payload().clamp(MIN_PAYLOAD, dns::EDNS_PAYLOAD));
        let bytes = match response.to_vec() {
            Ok(bytes) if bytes.len() <= limit => Ok(bytes),
            _ => response.truncate().to_vec(),
        };
        tracing::trace!(%from, answer = dns::summary(&response), "name server answers");
        if let Ok(bytes) = bytes
            && let Err(error) = socket.send_to(&bytes, from).await
        {
            tracing::debug!(%from, %error, "name server could not answer");
        }
    }
}

async fn serve_tcp(listener: TcpListener, world: Arc<World>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let world = Arc::clone(&world);
        connections.spawn(async move {
            converse(stream, &world).await;
            drop(permit);
        });
    }
}

/// Answers the questions of one connection until it ends, idles or makes no sense.
async fn converse(mut stream: TcpStream, world: &World) {
    while let Ok(Some(request)) = timeout(IDLE, read_request(&mut stream)).await {
        let Some(response) = dns::answer(world, &request) else {
            continue;
        };
        let Ok(bytes) = response.to_vec() else { return };
        let Ok(length) = u16::try_from(bytes.len()) else { return };
        let framed = [&length.to_be_bytes(), bytes.as_slice()].concat();
        if !matches!(timeout(IDLE, stream.write_all(&framed)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Message> {
    let length = usize::from(stream.read_u16().await.ok()?);
    if length > MAX_REQUEST {
        return None;
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    Message::from_vec(&bytes).ok()
}
