//! `Idempotency-Key`: the reply to a POST is kept, sealed, in the transaction of its effect, and given again for the same
//! request. A process that dies has either done and kept both or neither.

use actix_web::HttpRequest;
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Tx;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::replies;
use sha2::{Digest as _, Sha256};

use crate::State;
use crate::problem::Problem;
use crate::reply::Reply;

const HEADER: &str = "Idempotency-Key";
const LONGEST: usize = 255;

/// The key of a request, bound to its method and path.
#[derive(Debug)]
pub struct Key {
    token: String,
    place: String,
}

impl Key {
    /// The key that the request carries, if it does.
    ///
    /// # Errors
    /// `malformed_header` when it is empty, longer than 255 characters or not printable ASCII.
    pub fn from_request(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let Some(header) = request.headers().get(HEADER) else {
            return Ok(None);
        };
        let token = header.to_str().unwrap_or_default().trim().to_owned();
        if token.is_empty() || token.len() > LONGEST || !token.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Problem::http("malformed_header", vec![("header", HEADER.to_owned())], request));
        }
        Ok(Some(Self { token, place: format!("{} {}", request.method(), request.uri()) }))
    }

    /// What is known of the request: SHA-256 of method, path and the body's hash.
    fn hash_with(&self, body_hash: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        hasher.update(self.place.as_bytes());
        hasher.update(body_hash);
        hasher.finalize().to_vec()
    }
}

/// Whether the reply to this very request is kept already.
///
/// # Errors
/// When the database refuses.
pub fn is_kept(state: &State, caller: &Caller, (key, body_hash): (&Key, &[u8])) -> Result<bool> {
    let by = caller.actor.id.clone().unwrap_or_default();
    let request_hash = key.hash_with(body_hash);
    let slot =
        replies::Slot { practice: caller.practice.uid(), caller: &by, token: &key.token, request_hash: &request_hash };
    state.db.read(|conn| replies::is_kept(conn, &slot))
}

/// Does the work once for the caller's key: twins wait for each other and get the same reply.
///
/// # Errors
/// [`Error::Conflict`] `idempotency_key_reused` when the key was used for another request; whatever `work` returns, and then
/// nothing is kept.
pub fn once(
    state: &State,
    caller: &Caller,
    (key, body_hash): (&Key, &[u8]),
    work: impl FnOnce(&mut Tx<'_>, &Caller) -> Result<Reply>,
) -> Result<Reply> {
    let by = caller.actor.id.clone().unwrap_or_default();
    let request_hash = key.hash_with(body_hash);
    let slot =
        replies::Slot { practice: caller.practice.uid(), caller: &by, token: &key.token, request_hash: &request_hash };
    let place = format!("{}/idempotent_replies/{by}/{}", caller.practice.id, key.token);
    state.db.write(|tx| match replies::reserve(tx, &slot)? {
        replies::Reserved::Fresh => {
            let reply = work(tx, caller)?;
            let sealed = state.keyring.seal(&place, &serde_json::to_vec(&reply)?)?;
            replies::keep(tx, &slot, &sealed)?;
            Ok(reply)
        }
        replies::Reserved::Kept(sealed) => Ok(serde_json::from_slice(&state.keyring.open(&place, &sealed)?)?),
        replies::Reserved::OtherRequest => Err(Error::conflict("idempotency_key_reused")),
    })
}
