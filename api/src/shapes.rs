//! Shapes of input that serde reads as plain text and the domain checks, for the description.
//!
//! The domain takes the blanks off the ends of a text before it looks at it, so the patterns allow them there. A text of
//! up to 100 characters is `^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$`: blanks, no control characters, blanks.

use std::borrow::Cow;

use klaar_domain::clients::{ExemptionReason, FixedField, RelationKind, countries};
use klaar_domain::custom_fields::FieldKind;
use klaar_domain::identity::{RegularMail, Right, Role};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::mail::Security;
use klaar_domain::senders::SignInKind;
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

macro_rules! shapes {
    ($($(#[doc = $doc:literal])+ $name:ident as $text:literal = $schema:expr;)+) => {
        $(
            $(#[doc = $doc])+
            pub enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.description(Some([$($doc.trim()),+].join("\n"))).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed($text)
                }
            }
        )+
    };
}

pub(crate) use shapes;

shapes! {
    /// What a member may do, as a bundle of rights.
    RoleWord as "Role" = words(Role::ALL.map(Role::as_str));
    /// A mail that members get regularly when they want it: `night_report` after a night that has something to tell,
    /// `access_point_moves` after one in which clients moved from one access point to another, `weekly_readiness` each Monday in the morning, how far the practice is.
    RegularMailWord as "RegularMail" = words(RegularMail::ALL.map(RegularMail::as_str));
    /// Something that a caller may do.
    RightWord as "Right" = words(Right::ALL.iter().map(|right| right.as_str()));
    /// A language that the product speaks.
    LanguageWord as "Language" = words(Language::ALL.map(Language::as_str));
    /// Why Peppol does not concern a client.
    ExemptionReasonWord as "ExemptionReason" = words(ExemptionReason::ALL.map(ExemptionReason::as_str));
    /// What a client is to another: `director_of` it, directed by it (`has_director`), or of the `same_group`.
    RelationKindWord as "RelationKind" = words(RelationKind::ALL.map(RelationKind::as_str));
    /// A language in any case, or nothing.
    LanguageOrBlank as "LanguageOrBlank" = blank_or("[Nn][Ll]|[Ff][Rr]|[Dd][Ee]|[Ee][Nn]", "nl");
    /// An e-mail address.
    EmailAddress as "EmailAddress" = text(EMAIL_ADDRESS, "celine@maes.example");
    /// A name of a file that mails carry, up to 150 characters: no folders, and an extension that there is. Characters that cannot be seen are refused, too.
    FileName as "FileName" = text(
        &format!(r"{NAMED}(?:{IN_NAMES}{{0,145}}\.(?:{SHORT_EXTENSIONS})|{IN_NAMES}{{0,144}}\.(?:{LONG_EXTENSIONS}))"),
        "opdrachtbrief.pdf",
    );
    /// An e-mail address, or nothing.
    EmailAddressOrBlank as "EmailAddressOrBlank" = blank_or(EMAIL_ADDRESS, "info@peeters.example");
    /// How the dialogue with a mail server is kept from being read: TLS from the first byte, after STARTTLS, or not at all.
    MailSecurityWord as "MailSecurity" = words(Security::ALL.map(Security::as_str));
    /// How to sign in to a mail server: not at all, by password, or by an access token.
    MailSignInWord as "MailSignInKind" = words(SignInKind::ALL.map(SignInKind::as_str));
    /// How to sign in to a mail server: not at all, by password, or by an access token (XOAUTH2) that a refresh token is exchanged for.
    /// What is secret is never shown again; a change of the server may leave it out as long as it goes to the same place for the
    /// same person, but a new server needs it.
    MailSignIn as "NewMailSignIn" = OneOfBuilder::new()
        .item(sign_in_by("none", &[], &[]))
        .item(sign_in_by("password", &["username"], &["password"]))
        .item(sign_in_by("xoauth2", &["username", "token_url", "client_id"], &["client_secret", "refresh_token"]))
        .examples([json!({ "kind": "password", "username": "info@maes.example", "password": "a long password" })]);
    /// How to sign in to a mailbox: by password, or by an access token (XOAUTH2) that a refresh token is exchanged for. What is secret is
    /// kept and left out as that of a mail server.
    MailboxSignIn as "NewMailboxSignIn" = OneOfBuilder::new()
        .item(sign_in_by("password", &["username"], &["password"]))
        .item(sign_in_by("xoauth2", &["username", "token_url", "client_id"], &["client_secret", "refresh_token"]))
        .examples([json!({ "kind": "password", "username": "bounces@maes.example", "password": "a long password" })]);
    /// What a template says, by language: a subject of one line, up to 200 characters; a body in HTML, up to 100,000 characters, of the
    /// elements `a` (with `href`), `b`, `blockquote`, `br`, `em`, `h1` to `h3`, `i`, `li`, `ol`, `p`, `s`, `strong`, `sub`, `sup`, `table`,
    /// `tbody`, `td`, `th`, `thead`, `tr` and `ul`, with the classes `action` and `quiet` on `p` and `button` on `a`; and lines of text below
    /// the signature, up to 2,000 characters.
    GivenTexts as "GivenTemplateTexts" = Language::ALL
        .iter()
        .fold(ObjectBuilder::new(), |object, code| object.property(code.as_str(), template_text()))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .min_properties(Some(1))
        .examples([json!({ "nl": { "subject": "Herinnering", "body": "<p>Geachte {{client.name}},</p>" } })]);
    /// What a template is to say anew, by language; null takes a language away.
    ChangedTexts as "ChangedTemplateTexts" = Language::ALL
        .iter()
        .fold(ObjectBuilder::new(), |object, code| {
            object.property(code.as_str(), OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(template_text()))
        })
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .min_properties(Some(1))
        .examples([json!({ "nl": { "subject": "Herinnering", "body": "<p>Geachte {{client.name}},</p>" }, "de": null })]);
    /// What stands below a mail, by language: lines of text, up to 2,000 characters each.
    Signatures as "Signatures" = Language::ALL
        .iter()
        .fold(ObjectBuilder::new(), |object, code| object.property(code.as_str(), given_text().max_length(Some(2_000))))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .examples([json!({ "nl": "Met vriendelijke groeten\nMaes & Partners" })]);
    /// A day of the calendar, or nothing.
    DayOrBlank as "DayOrBlank" = blank_or(DAY, "2017-01-25");
    /// A country by its code in any case or by a usual name, or nothing.
    CountryOrBlank as "CountryOrBlank" = AnyOfBuilder::new()
        .item(blank_or(&country_codes(), "BE"))
        .item(words(COUNTRY_NAMES.iter().copied()))
        .examples([json!("BE"), json!("Belgique")]);
    /// A number with digits in it, in any notation, or nothing.
    NumberOrBlank as "NumberOrBlank" = blank_or(&format!("{NOTATION}{{0,63}}[0-9]{NOTATION}{{0,63}}"), "BE 0403.227.515");
    /// A number of the register of a country, in any notation, or nothing.
    RegisterNumberOrBlank as "RegisterNumberOrBlank" =
        blank_or(&format!("{NOTATION}{{0,63}}[0-9A-Za-z]{NOTATION}{{0,63}}"), "0403.227.515");
    /// A participant identifier: the four digits of its scheme, a colon, and the number in that scheme.
    ParticipantIdentifier as "ParticipantIdentifier" =
        text(&format!("(?:{SCHEME}::)?[0-9]{{4}}:{NOTATION}{{1,130}}"), "0088:5412345000013");
    /// The stable name of a custom field.
    FieldSlug as "FieldSlug" =
        ObjectBuilder::new().schema_type(Type::String).examples([json!("ready")]);
    /// What a custom field that people own holds.
    FieldKindWord as "FieldKind" =
        words(FieldKind::ALL.into_iter().filter(|kind| !kind.is_system_owned()).map(FieldKind::as_str));
    /// What people read of an option.
    OptionLabel as "OptionLabel" = text(r"[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}", "Odoo");
    /// The seat id of an access point, as its certificate has it.
    SeatId as "SeatId" = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[Pp][A-Za-z]{2}[0-9]{6}$"))
        .examples([json!("POP000123")]);
    /// A name in one to four languages, each up to 100 characters.
    GivenNames as "GivenNames" = in_languages(99).min_properties(Some(1))
        .examples([json!({ "nl": "Klantenopvolging", "fr": "Suivi des clients" })]);
    /// What people may also type for an option, by language, each up to 200 characters.
    GivenLabels as "GivenLabels" = in_languages(199).examples([json!({ "fr": "Logiciel X" })]);
    /// A value of a field that takes one: a text, a number, yes or no; an exemption as a whole.
    GivenPlainValue as "GivenPlainValue" = AnyOfBuilder::new()
        .item(given_text().schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean])))
        .item(Ref::from_schema_name("GivenExemption"))
        .examples([json!("Odoo"), json!(true), json!({ "reason": "article_44" })]);
    /// The value of a custom field, by its kind: a text for `text`, `long_text` and `link`; a `number`; an `amount` as text or number; a `date` as
    /// `YYYY-MM-DD`; true or false for `yes_no`; the label or identifier of an option for a `choice`, an array of them for a
    /// `multi_choice`; a `member` by identifier, name or address; a `client` by identifier; a `document` with its name and address. Null is no value.
    GivenValue as "GivenFieldValue" = AnyOfBuilder::new()
        .item(given_text().schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null])))
        .item(ArrayBuilder::new().items(given_text()).max_items(Some(500)))
        .item(ObjectBuilder::new()
            .property("name", filled(199)).property("url", text("https?://[!-~]{1,1900}", "https://dms.example/4711"))
            .required("name").required("url")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))))
        .examples([
            json!("Odoo"), json!(true), json!(12.5), json!("2026-11-22"), json!("1250.00"), json!(["Odoo", "Yuki"]),
            json!({ "name": "Mandaat", "url": "https://dms.example/4711" }),
        ]);
}

/// RFC 5321's dot-string before the `@`, a domain of at least two labels behind it. That neither is longer than 64 and
/// 254 characters is more than a pattern says.
const EMAIL_ADDRESS: &str = r"[!#-'*+/-9=?A-Z^-~-]{1,64}(?:\.[!#-'*+/-9=?A-Z^-~-]{1,62})*@[0-9A-Za-z](?:[!#-'*+/-9=?A-Z^-~-]{0,61}[0-9A-Za-z])?(?:\.[0-9A-Za-z](?:[!#-'*+/-9=?A-Z^-~-]{0,61}[0-9A-Za-z])?)+";

/// What a name of a file begins with, and has behind that.
const NAMED: &str = r#"[^\s\x00-\x1f\x7f-\x9f/\\:*?"<>|]"#;
const IN_NAMES: &str = r#"[^\x00-\x1f\x7f-\x9f/\\:*?"<>|]"#;
/// What such a name ends with, in any case.
const SHORT_EXTENSIONS: &str = "[Pp][Dd][Ff]|[Pp][Nn][Gg]|[Jj][Pp][Gg]|[Gg][Ii][Ff]|[Oo][Dd][Tt]|[Oo][Dd][Ss]|[Oo][Dd][Pp]|[Tt][Xx][Tt]|[Cc][Ss][Vv]|[Ii][Cc][Ss]";
const LONG_EXTENSIONS: &str = "[Jj][Pp][Ee][Gg]|[Dd][Oo][Cc][Xx]|[Xx][Ll][Ss][Xx]|[Pp][Pp][Tt][Xx]";

/// `YYYY-MM-DD`: months of 31, 30 and 28 days, and the 29th of February of leap years.
const DAY: &str = "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29";

/// What people write in and around numbers: anything but control characters that are no blanks.
const NOTATION: &str = r"[^\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]";

/// The name of all schemes together, which may stand in front in any case.
const SCHEME: &str = "[Ii][Ss][Oo]6523-[Aa][Cc][Tt][Oo][Rr][Ii][Dd]-[Uu][Pp][Ii][Ss]";

/// The names that client lists use for the near countries, spelt in full. Other case and missing accents do not matter.
#[rustfmt::skip]
const COUNTRY_NAMES: &[&str] = &[
    "België", "Belgique", "Belgien", "Belgium", "Nederland", "Pays-Bas", "Niederlande", "Netherlands", "The Netherlands", "Holland",
    "Luxemburg", "Luxembourg", "Groothertogdom Luxemburg", "Grand-Duché de Luxembourg", "Frankrijk", "France", "Frankreich",
    "Duitsland", "Allemagne", "Deutschland", "Germany", "Verenigd Koninkrijk", "Royaume-Uni", "Vereinigtes Königreich",
    "United Kingdom", "Ierland", "Irlande", "Irland", "Ireland", "Italië", "Italie", "Italien", "Italy", "Italia", "Spanje",
    "Espagne", "Spanien", "Spain", "España", "Portugal", "Oostenrijk", "Autriche", "Österreich", "Austria", "Zwitserland",
    "Suisse", "Schweiz", "Switzerland", "Polen", "Pologne", "Poland", "Polska", "Denemarken", "Danemark", "Dänemark", "Denmark",
    "Zweden", "Suède", "Schweden", "Sweden", "Verenigde Staten", "États-Unis", "Vereinigte Staaten", "United States", "USA",
];

/// The codes that there are, by their first letter.
fn country_codes() -> String {
    let both = |letter: char| [letter, letter.to_ascii_lowercase()];
    let groups = ('A'..='Z').filter_map(|first| {
        let seconds: String = ('A'..='Z')
            .filter(|second| countries::parse(&format!("{first}{second}")).is_some())
            .flat_map(both)
            .collect();
        (!seconds.is_empty()).then(|| format!("[{}][{seconds}]", both(first).iter().collect::<String>()))
    });
    groups.collect::<Vec<_>>().join("|")
}

/// A text of one line, with something in it: so many characters and one more.
pub fn filled(more: usize) -> ObjectBuilder {
    text(&format!(r"[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{{0,{more}}}"), "Mandaat")
}

/// A text in some of the languages that the product speaks.
fn in_languages(more: usize) -> ObjectBuilder {
    let all = Language::ALL.iter().map(|language| language.as_str());
    let object = all.fold(ObjectBuilder::new(), |object, code| object.property(code, filled(more)));
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// One way of signing in, with what it needs and what of it is secret.
fn sign_in_by(kind: &'static str, needed: &[&str], secret: &[&str]) -> ObjectBuilder {
    let line = |most: usize| {
        let pattern = format!(r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{{0,{}}}[\s\x85]*$", most - 1);
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
    };
    let sealed = r"^[^\x00-\x1f\x7f-\x9f]+$";
    let sealed = || ObjectBuilder::new().schema_type(Type::String).pattern(Some(sealed)).max_length(Some(8_000));
    let object = ObjectBuilder::new().property("kind", words([kind])).required("kind");
    let object = needed.iter().fold(object, |object, name| object.property(*name, line(320)).required(*name));
    let object = secret.iter().fold(object, |object, name| object.property(*name, sealed().write_only(true)));
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// What a template says in one language.
fn template_text() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("subject", filled(199))
        .property("body", given_text().min_length(Some(1)).max_length(Some(100_000)))
        .property(
            "postscript",
            given_text().schema_type(SchemaType::from_iter([Type::String, Type::Null])).max_length(Some(2_000)),
        )
        .required("subject")
        .required("body")
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// A text of several lines.
fn given_text() -> ObjectBuilder {
    let printable = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(printable)).max_length(Some(10_000))
}

pub fn words(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// A text that is `pattern` without the blanks at its ends.
fn text(pattern: &str, example: &str) -> ObjectBuilder {
    let pattern = format!(r"^[\s\x85]*{pattern}[\s\x85]*$");
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).examples([json!(example)])
}

/// A text of which nothing or `pattern` is left without the blanks at its ends.
fn blank_or(pattern: &str, example: &str) -> ObjectBuilder {
    text(&format!("(?:{pattern})?"), example)
}

/// What a caller says of the columns of a client list: a parameter that is JSON itself.
pub struct MappingParam;

impl IntoParams for MappingParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let of_card = FixedField::ALL.iter().filter(|field| field.is_of_card());
        let of_card: Vec<&str> = of_card.map(|field| field.as_str()).collect();
        let field = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .pattern(Some(format!(r"^({}|fields\.[a-z][a-z0-9_]*)$", of_card.join("|"))));
        let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*$"));
        let mapping =
            ObjectBuilder::new().property_names(Some(name.build())).additional_properties(Some(Schema::from(field)));
        let content = ContentBuilder::new()
            .schema(Some(mapping.build()))
            .example(Some(json!({ "Klantcode": "reference", "Boekjaar": "fields.boekjaar", "Saldo": null })))
            .build();
        let parameter = ParameterBuilder::new()
            .name("mapping")
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(
                "A JSON object that names the card field of a column, or `fields.` and the slug of a custom field, or null to leave the column out. Columns that it does not name are recognised by their names.",
            ))
            .content("application/json", content)
            .build();
        vec![parameter]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_country_is_one() {
        for name in COUNTRY_NAMES {
            assert!(countries::parse(name).is_some(), "{name}");
        }
        assert!(country_codes().starts_with("[Aa][DdEeFfGg"));
    }
}
