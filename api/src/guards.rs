//! The way from a request to the domain: who asks, with which right, in one blocking step together with the work.
//!
//! A handler names the right that it needs in its signature (`May<ClientsRead>`) and reaches the database only through it,
//! so nothing can be read or written before the caller is known and the right is proved, on the same connection.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, IF_MATCH};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError as _, web};
use klaar_domain::identity::{self, Caller, Right};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::{Conn, Tx};
use klaar_domain::kernel::error::{Error, FieldError, Result};

use crate::State;
use crate::idempotency::{self, Key};
use crate::problem::{Problem, language_of};
use crate::reply::Reply;

/// A right as a type.
pub trait Need: 'static {
    /// The right; `None` when being signed in is enough.
    const RIGHT: Option<Right>;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("The caller needs the right `", stringify!($name), "`.")]
            pub struct $name;
            impl Need for $name {
                const RIGHT: Option<Right> = Some(Right::$name);
            }
        )+
    };
}

needs!(
    ClientsRead,
    ClientsWrite,
    BulkEditsApply,
    ExportsRead,
    LookupsRun,
    AuditRead,
    FieldsManage,
    ViewsManage,
    CampaignsSend,
    OperationsManage,
    SendersManage,
    TemplatesManage,
    MembersManage,
    KeysManage,
    PracticeManage
);

/// Being signed in is enough.
pub struct SignedIn;
impl Need for SignedIn {
    const RIGHT: Option<Right> = None;
}

/// Proof that the handler asked for a right, and its way to the database.
pub struct May<N> {
    state: Arc<State>,
    token: String,
    known: Arc<AtomicBool>,
    key: Option<Key>,
    /// The language of the caller.
    pub language: Language,
    need: PhantomData<N>,
}

impl<N: Need> FromRequest for May<N> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Self::from_parts(request))
    }
}

impl<N: Need> May<N> {
    fn from_parts(request: &HttpRequest) -> Result<Self, Problem> {
        let state = request.app_data::<web::Data<State>>().map(|data| data.clone().into_inner());
        let state = state.ok_or_else(|| Problem::of(Error::internal("the application has no state"), request))?;
        let token = bearer(request.headers()).ok_or_else(|| Problem::of(Error::Unauthenticated, request))?;
        let known = Arc::new(AtomicBool::new(false));
        request.extensions_mut().insert(Asked { token: token.clone(), known: Arc::clone(&known) });
        refuse_nul(request)?;
        Ok(Self {
            state,
            token,
            known,
            key: Key::from_request(request)?,
            language: language_of(request),
            need: PhantomData,
        })
    }

    /// Runs `work` on a connection after the caller is known and the right is proved.
    ///
    /// # Errors
    /// A problem document in the caller's language.
    pub async fn read<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Conn, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let language = self.language;
        self.blocking(move |door| {
            let (caller, due, value) = door.state.db.read(|conn| {
                let (caller, due) = door.known_caller(conn)?;
                let value = work(conn, &caller)?;
                Ok((caller, due, value))
            })?;
            door.after(&caller, due);
            Ok(value)
        })
        .await
        .map_err(|error| Problem::in_language(error, language))
    }

    /// Runs `work` in one write transaction after the caller is known and the right is proved.
    ///
    /// # Errors
    /// A problem document in the caller's language.
    pub async fn write<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Tx<'_>, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let language = self.language;
        self.blocking(move |door| {
            let (caller, due) = door.state.db.read(|conn| door.caller(conn))?;
            let value = door.state.db.write(|tx| work(tx, &caller))?;
            door.after(&caller, due);
            Ok(value)
        })
        .await
        .map_err(|error| Problem::in_language(error, language))
    }

    /// Runs `work` like [`May::write`]; with an `Idempotency-Key` the reply is kept in the same transaction and given again
    /// for the same request.
    ///
    /// # Errors
    /// A problem document in the caller's language.
    pub async fn once(
        self,
        request_hash: Vec<u8>,
        work: impl FnOnce(&mut Tx<'_>, &Caller) -> Result<Reply> + Send + 'static,
    ) -> Result<Reply, Problem> {
        let language = self.language;
        self.blocking(move |door| {
            let (caller, due) = door.state.db.read(|conn| door.caller(conn))?;
            let reply = match &door.key {
                None => door.state.db.write(|tx| work(tx, &caller))?,
                Some(key) => idempotency::once(&door.state, &caller, (key, &request_hash), work)?,
            };
            door.after(&caller, due);
            Ok(reply)
        })
        .await
        .map_err(|error| Problem::in_language(error, language))
    }

    /// Runs `work` with the whole database, unless the reply to this very request is kept already, as [`May::once`] keeps it;
    /// for what is to be done before the transaction that keeps it.
    ///
    /// # Errors
    /// A problem document in the caller's language.
    pub async fn unless_kept<T: Send + 'static>(
        self,
        request_hash: Vec<u8>,
        work: impl FnOnce(&State, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>, Problem> {
        let language = self.language;
        self.blocking(move |door| {
            let (caller, due) = door.state.db.read(|conn| door.caller(conn))?;
            door.after(&caller, due);
            match &door.key {
                Some(key) if idempotency::is_kept(&door.state, &caller, (key, &request_hash))? => Ok(None),
                _ => work(&door.state, &caller).map(Some),
            }
        })
        .await
        .map_err(|error| Problem::in_language(error, language))
    }

    /// Runs `work` with the whole database, for verbs that hash or stream between their transactions.
    ///
    /// # Errors
    /// A problem document in the caller's language.
    pub async fn with_db<T: Send + 'static>(
        self,
        work: impl FnOnce(&State, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let language = self.language;
        self.blocking(move |door| {
            let (caller, due) = door.state.db.read(|conn| door.caller(conn))?;
            door.after(&caller, due);
            work(&door.state, &caller)
        })
        .await
        .map_err(|error| Problem::in_language(error, language))
    }

    async fn blocking<T: Send + 'static>(self, work: impl FnOnce(Door) -> Result<T> + Send + 'static) -> Result<T> {
        let door = Door { state: self.state, token: self.token, known: self.known, key: self.key, right: N::RIGHT };
        web::block(move || work(door)).await.map_err(|_| Error::internal("the pool of blocking threads is gone"))?
    }
}

struct Door {
    state: Arc<State>,
    token: String,
    known: Arc<AtomicBool>,
    key: Option<Key>,
    right: Option<Right>,
}

impl Door {
    /// The caller as the database has it now, for whatever writes.
    fn caller(&self, conn: &mut Conn) -> Result<(Caller, bool)> {
        let (caller, due) = identity::authenticate(conn, &self.token, self.state.db.clock().now())?;
        self.admit(&caller)?;
        Ok((caller, due))
    }

    /// The caller as it was a moment ago, for reading.
    fn known_caller(&self, conn: &mut Conn) -> Result<(Arc<Caller>, bool)> {
        let (caller, due) = self.state.callers.of(&self.state.db, conn, &self.token)?;
        self.admit(&caller)?;
        Ok((caller, due))
    }

    fn admit(&self, caller: &Caller) -> Result<()> {
        self.known.store(true, Ordering::Relaxed);
        self.right.map_or(Ok(()), |right| caller.need(right))
    }

    fn after(&self, _: &Caller, due: bool) {
        if due {
            identity::note_use(&self.state.db, &self.token);
        }
    }
}

/// What a request asked a [`May`] for, and whether its caller came to be known.
#[derive(Clone)]
struct Asked {
    token: String,
    known: Arc<AtomicBool>,
}

/// The middleware that lets nobody learn more than that nobody is signed in: a request that was refused for its form, which
/// happens before the caller is looked up, is refused with 401 after all when its token is no good.
pub async fn known_first<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let response = next.call(request).await?;
    let is_refused = response.status().is_client_error() && response.status() != StatusCode::UNAUTHORIZED;
    let asked = response.request().extensions().get::<Asked>().cloned();
    let Some(asked) = asked.filter(|asked| is_refused && !asked.known.load(Ordering::Relaxed)) else {
        return Ok(response.map_into_left_body());
    };
    let Some(state) = response.request().app_data::<web::Data<State>>().map(|data| data.clone().into_inner()) else {
        return Ok(response.map_into_left_body());
    };
    let looked_up = web::block(move || {
        let now = state.db.clock().now();
        state.db.read(|conn| identity::authenticate(conn, &asked.token, now).map(|_| ()))
    });
    match looked_up.await.map_err(|_| Error::internal("the pool of blocking threads is gone")).flatten() {
        Ok(()) => Ok(response.map_into_left_body()),
        Err(error) => {
            let refused = Problem::of(error, response.request()).error_response();
            Ok(response.into_response(refused).map_into_right_body())
        }
    }
}

/// PostgreSQL has no U+0000 in its texts, so no filter may have one; the fault names its parameter.
fn refuse_nul(request: &HttpRequest) -> Result<(), Problem> {
    let holds_nul = |pair: &&str| pair.contains("%00");
    let Some(pair) = request.query_string().split('&').find(holds_nul).filter(|_| request.method() == Method::GET)
    else {
        return Ok(());
    };
    let name = pair.split('=').next().unwrap_or_default();
    let fault = FieldError::new(format!("/{name}"), "control_characters");
    Err(Problem::of(Error::Invalid(vec![fault]), request))
}

/// The bearer token of a request (RFC 6750, 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// The revision that the caller saw, from `If-Match`.
pub struct SeenRevision(pub i64);

impl FromRequest for SeenRevision {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get(IF_MATCH).map(|value| value.to_str().unwrap_or_default().trim());
        let seen = match header {
            None => Err(Error::ConditionRequired),
            // Who leaves the quotation marks off is told so; nothing has changed.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(Error::ConditionRequired),
            // A tag that we never gave cannot be the present one.
            Some(tag) => revision(tag).map(Self).ok_or(Error::Stale),
        };
        std::future::ready(seen.map_err(|error| Problem::of(error, request)))
    }
}

/// The revision in one of our own tags: its digits in quotes (RFC 9110, 8.8.3).
fn revision(tag: &str) -> Option<i64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
