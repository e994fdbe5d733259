//! The variables: the closed list of what a template can say.

use crate::custom_fields::Catalogue;
use crate::kernel::catalogue::{self, Language};

/// What a variable may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In texts.
    Text,
    /// In texts and as the address of a link.
    Link,
}

impl Kind {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Link => "link",
        }
    }
}

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $kind:ident $is_always:literal $example:literal),+ $(,)?) => {
        /// A variable that is not a custom field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Variable { $($(#[$doc])* $variant),+ }

        /// All of them.
        pub const FIXED: &[Variable] = &[$(Variable::$variant),+];

        impl Variable {
            /// The name in placeholders.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it may be used for.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),+ }
            }

            /// Whether it has a value for whomever a mail is for.
            #[must_use]
            pub fn is_always_there(self) -> bool {
                match self { $(Self::$variant => $is_always),+ }
            }

            fn example(self) -> &'static str {
                match self { $(Self::$variant => $example),+ }
            }
        }
    };
}

variables! {
    /// The practice's name.
    PracticeName = "practice.name" Text true "Maes & Partners",
    /// Its enterprise number.
    PracticeNumber = "practice.enterprise_number" Text false "0403.227.515",
    /// The software that is its own solution.
    PracticeSolution = "practice.solution" Text false "Yuki",
    /// The name that a mail is from.
    SenderName = "sender.name" Text true "Maes & Partners",
    /// The address that a mail is from.
    SenderAddress = "sender.address" Text true "info@maes.example",
    /// The client's name.
    ClientName = "client.name" Text true "Bakkerij Peeters",
    /// The practice's reference of the client.
    ClientReference = "client.reference" Text false "K-0112",
    /// Its legal form.
    ClientLegalForm = "client.legal_form" Text false "BV",
    /// Its enterprise number.
    ClientNumber = "client.enterprise_number" Text false "0417.497.106",
    /// Its VAT number.
    ClientVat = "client.vat_number" Text false "BE0417497106",
    /// Street and number.
    ClientStreet = "client.street" Text false "Kerkstraat 12",
    /// Its postcode.
    ClientPostcode = "client.postcode" Text false "9000",
    /// Its town.
    ClientTown = "client.town" Text false "Gent",
    /// The address on its card.
    ClientEmail = "client.email" Text false "info@peeters.example",
    /// Who looks after it.
    ClientResponsible = "client.responsible" Text false "Céline Dubois",
    /// Its portfolio.
    ClientPortfolio = "client.portfolio" Text false "Horeca",
    /// The name of the person that the mail is for.
    ContactName = "contact.name" Text false "Jan Peeters",
    /// What that person does.
    ContactRole = "contact.role" Text false "Zaakvoerder",
    /// There when it is registered as a receiver.
    PeppolRegistered = "peppol.registered" Text false "ja",
    /// The access point that it is registered on.
    PeppolAccessPoint = "peppol.access_point" Text false "Codabox",
    /// The day on which the network last answered.
    PeppolCheckedOn = "peppol.checked_on" Text false "22 november 2026",
    /// Where somebody says that they want no more such mails; in marketing alone.
    LinksUnsubscribe = "links.unsubscribe" Link false "https://klaar.maes.example/unsubscribe/…",
}

impl Variable {
    /// The variable of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FIXED.iter().copied().find(|one| one.as_str() == name)
    }
}

/// A variable for whoever writes a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The name in placeholders.
    pub name: String,
    /// What it may be used for.
    pub kind: Kind,
    /// Whether it has a value for whomever a mail is for; others need a choice by `{{#if …}}` or stop those without one.
    pub is_always_there: bool,
    /// What it is.
    pub description: String,
    /// What it looks like; `None` for custom fields.
    pub example: Option<&'static str>,
}

/// The slug of the custom field that a placeholder names.
pub(super) fn slug_of(name: &str) -> Option<&str> {
    name.strip_prefix("fields.")
}

/// Whether there is a variable of this name, and of which kind.
pub(super) fn kind_of(name: &str, catalogue: &Catalogue) -> Option<Kind> {
    match slug_of(name) {
        Some(slug) => catalogue.by_slug(slug).filter(|field| field.is_usable()).map(|_| Kind::Text),
        None => Variable::named(name).map(Variable::kind),
    }
}

/// All variables of a practice: the fixed ones, and its custom fields.
#[must_use]
pub fn variables(catalogue: &Catalogue, language: Language) -> Vec<Described> {
    let fixed = FIXED.iter().map(|one| Described {
        name: one.as_str().to_owned(),
        kind: one.kind(),
        is_always_there: one.is_always_there(),
        description: catalogue::text(language, &format!("variable.{}", one.as_str().replace('.', "_")), &[]),
        example: Some(one.example()),
    });
    let own = catalogue.usable().map(|field| Described {
        name: format!("fields.{}", field.slug),
        kind: Kind::Text,
        is_always_there: false,
        description: field.names.in_language(language, catalogue.language).to_owned(),
        example: None,
    });
    fixed.chain(own).collect()
}
