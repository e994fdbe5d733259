//! What the person who runs the server looks at: `/healthz`, `/readyz`, `/metrics`, and a line in the log for each request.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use klaar_domain::kernel::ids;
use prometheus::{Encoder as _, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::State;

/// What is counted of requests, for `/metrics`.
pub struct Meters {
    registry: Registry,
    requests: HistogramVec,
    connections: IntGaugeVec,
    list_memory: IntGauge,
    columns_read: IntGauge,
}

impl Default for Meters {
    #[expect(clippy::expect_used, reason = "the names are constants and valid")]
    fn default() -> Self {
        let registry = Registry::new();
        let requests = HistogramVec::new(
            HistogramOpts::new("klaar_request_seconds", "Time taken by requests, by method, route and status.")
                .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]),
            &["method", "route", "status"],
        )
        .expect("the names are valid");
        let connections =
            IntGaugeVec::new(Opts::new("klaar_database_connections", "Connections of this process by use."), &["use"])
                .expect("the names are valid");
        let list_memory =
            IntGauge::new("klaar_list_memory_bytes", "Clients' values that lists keep in memory, in bytes.")
                .expect("the name is valid");
        let columns_read =
            IntGauge::new("klaar_list_columns_read", "Columns of clients' values read since the process began.")
                .expect("the name is valid");
        registry.register(Box::new(requests.clone())).expect("registered once");
        registry.register(Box::new(connections.clone())).expect("registered once");
        registry.register(Box::new(list_memory.clone())).expect("registered once");
        registry.register(Box::new(columns_read.clone())).expect("registered once");
        Self { registry, requests, connections, list_memory, columns_read }
    }
}

/// Mounts the three addresses; they are for the operator's network, not part of the API.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/healthz").to(alive))
        .service(web::resource("/readyz").to(ready))
        .service(web::resource("/metrics").to(metrics));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "alive" }))
}

async fn ready(state: web::Data<State>) -> HttpResponse {
    let reached = web::block(move || state.db.is_current()).await;
    match reached {
        Ok(Ok(true)) => HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })),
        Ok(Ok(false)) => HttpResponse::ServiceUnavailable()
            .json(serde_json::json!({ "status": "the schema is not up to date; run klaar migrate" })),
        _ => HttpResponse::ServiceUnavailable().json(serde_json::json!({ "status": "the database cannot be reached" })),
    }
}

async fn metrics(state: web::Data<State>) -> HttpResponse {
    let gathered = web::block(move || {
        let meters = &state.meters;
        let (used, open) = state.db.pool_state();
        meters.connections.with_label_values(&["used"]).set(used.into());
        meters.connections.with_label_values(&["open"]).set(open.into());
        let lists = state.lists.usage();
        meters.list_memory.set(i64::try_from(lists.bytes).unwrap_or(i64::MAX));
        meters.columns_read.set(i64::try_from(lists.loads).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&meters.registry.gather(), &mut text);
        encoded.map_err(klaar_domain::kernel::error::Error::internal)?;
        Ok::<_, klaar_domain::kernel::error::Error>(text)
    })
    .await;
    match gathered {
        Ok(Ok(text)) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// Times each request and names it, so that a caller's report finds its line in the log.
pub async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let began = Instant::now();
    let id = ids::new_uuid().simple().to_string();
    let method = request.method().as_str().to_owned();
    let mut response = next.call(request).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = response.status();
    let took = began.elapsed();
    if let Some(state) = response.request().app_data::<web::Data<State>>() {
        state.meters.requests.with_label_values(&[&method, &route, status.as_str()]).observe(took.as_secs_f64());
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status.is_server_error() {
        tracing::error!(request_id = %id, %method, %route, status = status.as_u16(), millis, "request failed");
    } else {
        tracing::debug!(request_id = %id, %method, %route, status = status.as_u16(), millis, "request");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    Ok(response)
}
