//! Who does something: the name that the audit trail keeps.

/// The kind of actor, stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person, signed in.
    Member,
    /// A program with an API key.
    ApiKey,
    /// The person at the server's command line.
    Operator,
    /// The product itself: the nightly job and its like.
    System,
}

impl ActorKind {
    /// The stable name (`member`, `api_key`, `operator`, `system`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::ApiKey => "api_key",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}

/// Who does something, by which way it came in.
#[derive(Debug, Clone)]
pub struct Actor {
    /// What kind of actor it is.
    pub kind: ActorKind,
    /// The member's or key's identifier in text form; `None` for the operator and the system.
    pub id: Option<String>,
    /// A name that a person recognises later, even when the member or key is gone.
    pub name: String,
}

impl Actor {
    /// An actor as rows keep one: the kind by its stable name, the identifier and the name. A kind that nobody knows is the
    /// product itself.
    #[must_use]
    pub fn stored(kind: &str, id: Option<String>, name: String) -> Self {
        let kinds = [ActorKind::Member, ActorKind::ApiKey, ActorKind::Operator];
        let kind = kinds.into_iter().find(|one| one.as_str() == kind).unwrap_or(ActorKind::System);
        Self { kind, id, name }
    }

    /// The product itself.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: None, name: name.to_owned() }
    }

    /// The person at the server's command line.
    #[must_use]
    pub fn operator() -> Self {
        Self { kind: ActorKind::Operator, id: None, name: "command line".to_owned() }
    }
}
