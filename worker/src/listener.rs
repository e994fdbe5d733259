//! The worker's own small HTTP listener: is it alive, is it ready, what does it count.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::TextEncoder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::worker::Worker;

/// The most connections at once; probes need one or two.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may take to say what it wants, and to get it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers on an address until it is dropped.
pub struct Listener {
    address: SocketAddr,
    answering: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Answers `/healthz`, `/readyz` and `/metrics` on `address` for `worker`, with the metrics of `metrics`.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn open(
        address: SocketAddr,
        worker: Arc<Worker>,
        metrics: prometheus::Registry,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let answering = tokio::spawn(answer_all(socket, worker, metrics));
        Ok(Self { address, answering })
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer_all(socket: TcpListener, worker: Arc<Worker>, metrics: prometheus::Registry) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the worker's listener failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (worker, metrics) = (Arc::downgrade(&worker), metrics.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let (worker, metrics) = (worker.upgrade(), metrics.clone());
                async move { Ok::<_, Infallible>(answer(&request, worker, metrics).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // A probe that hangs up or never asks is its own affair.
            let _ = tokio::time::timeout(PATIENCE * 2, connection).await;
            drop(place);
        });
    }
}

async fn answer(
    request: &Request<Incoming>,
    worker: Option<Arc<Worker>>,
    metrics: prometheus::Registry,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/healthz" => plain(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => match worker {
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
            Some(worker) => match worker.is_ready().await {
                Ok(()) => plain(StatusCode::OK, "ready\n".to_owned()),
                Err(what) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{what}\n")),
            },
        },
        "/metrics" => {
            match tokio::task::spawn_blocking(move || TextEncoder::new().encode_to_string(&metrics.gather())).await {
                Ok(Ok(text)) => plain(StatusCode::OK, text),
                _ => plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n".to_owned()),
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
