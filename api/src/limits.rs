//! Published rate limits: so many requests a minute for each caller, told in `RateLimit` headers (IETF httpapi draft
//! `ratelimit-headers`). A caller is a bearer token or, without one, a network address. Each process counts by itself.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{ResponseError as _, web};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use klaar_domain::kernel::error::Error;
use klaar_domain::kernel::secrets;

use crate::State;
use crate::guards::bearer;
use crate::problem::Problem;

const MINUTE: Duration = Duration::from_secs(60);
/// Callers kept in memory before those that are quiet are forgotten.
const SWEEP_AT: usize = 10_000;

type Keyed = RateLimiter<Vec<u8>, DashMapStateStore<Vec<u8>>, DefaultClock, StateInformationMiddleware>;

/// How often each caller has asked in the last minute.
pub struct Limiter {
    keyed: Option<Keyed>,
    policy: String,
}

impl Limiter {
    /// Lets each caller make `per_minute` requests a minute; 0 for no limit.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let keyed = NonZeroU32::new(per_minute)
            .map(|n| RateLimiter::keyed(Quota::per_minute(n)).with_middleware::<StateInformationMiddleware>());
        Self { keyed, policy: format!("\"minute\";q={per_minute};w=60") }
    }

    /// Counts one request of `caller`: how many it has left, or for how many seconds it must wait.
    fn count(&self, caller: Vec<u8>) -> Option<Result<u32, u64>> {
        let keyed = self.keyed.as_ref()?;
        if keyed.len() > SWEEP_AT {
            keyed.retain_recent();
        }
        Some(match keyed.check_key(&caller) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(DefaultClock::default().now()).min(MINUTE).as_secs() + 1),
        })
    }
}

/// The middleware around `/v1`.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<State>>().map(|data| data.clone().into_inner()) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let caller = match bearer(request.headers()) {
        Some(token) => secrets::token_hash(&token),
        None => request.peer_addr().map(|peer| peer.ip().to_string().into_bytes()).unwrap_or_default(),
    };
    let counted = state.limiter.count(caller);
    let mut response = match counted {
        Some(Err(seconds)) => {
            let refused = Problem::of(Error::TooMany(seconds), request.request()).error_response();
            request.into_response(refused).map_into_right_body()
        }
        _ => next.call(request).await?.map_into_left_body(),
    };
    if let Some(counted) = counted {
        let said = match counted {
            Ok(left) => format!("\"minute\";r={left};t=60"),
            Err(seconds) => format!("\"minute\";r=0;t={seconds}"),
        };
        let headers = response.headers_mut();
        for (name, value) in [("ratelimit", said.as_str()), ("ratelimit-policy", state.limiter.policy.as_str())] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    Ok(response)
}
