//! Look-ups: what the network says of clients, nights, checks by hand, and changes that were held back.

mod checks;
mod held;
mod nights;
mod of_client;

use klaar_domain::lookups::Shown;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::RegistrationState;
use crate::mounting::Routes;

/// A registration as a card shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownRegistration, example = json!({ "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" } }))]
pub struct ShownOut {
    /// What it comes to; null before the first look-up, and where only values that changed are shown.
    #[schema(value_type = Option<RegistrationState>)]
    state: Option<String>,
    /// Why it cannot receive or is unknown: `no_document_type`, `inactive`, `transport`, `dns`, `smp`, `malformed`, `signature`.
    cause: Option<String>,
    /// The access point.
    access_point: Option<SeatOut>,
}

/// An access point.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat, example = json!({ "seat_id": "POP000123", "name": "Example Access Point" }))]
pub struct SeatOut {
    /// The seat id in its certificate.
    seat_id: Option<String>,
    /// The company that runs it.
    name: Option<String>,
}

impl SeatOut {
    fn of(seat_id: Option<String>, name: Option<String>) -> Option<Self> {
        (seat_id.is_some() || name.is_some()).then_some(Self { seat_id, name })
    }
}

impl From<Shown> for ShownOut {
    fn from(shown: Shown) -> Self {
        Self { state: shown.state, cause: shown.cause, access_point: SeatOut::of(shown.seat, shown.name) }
    }
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    nights::routes(routes);
    held::routes(routes);
    checks::routes(routes);
    of_client::routes(routes);
}
