//! One field of the card on many clients: a few statements whatever their number.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::Set;
use crate::clients::card::Responsible;
use crate::clients::exemption::{Exemption, LOGGED_EXEMPTION};
use crate::clients::fixed::FixedField;
use crate::identity::MemberId;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::{Uid, UidType};

/// What many clients are to have in one field of the card.
#[derive(Debug, Clone, Copy)]
pub enum CardValue<'a> {
    /// The portfolio, or none.
    Portfolio(Option<&'a str>),
    /// The language.
    Language(&'a str),
    /// Who looks after them, or nobody.
    Responsible(Option<&'a Responsible>),
    /// The exemption from Peppol, or none.
    Exemption(Option<&'a Exemption>),
    /// Archived at this set's moment.
    Archived,
}

impl CardValue<'_> {
    /// The field of the change log.
    #[must_use]
    pub fn field(self) -> FixedField {
        match self {
            Self::Portfolio(_) => FixedField::Portfolio,
            Self::Language(_) => FixedField::Language,
            Self::Responsible(_) => FixedField::Responsible,
            Self::Exemption(_) => FixedField::Exemption,
            Self::Archived => FixedField::Archived,
        }
    }
}

/// The columns that an assignment writes: `$4` is the text that the log gets, `$5` the member, `$6` the name or text, `$7` the
/// moment, `$8` the note and `$9` the end of an exemption.
struct Spelling {
    /// The present value, as the log has it.
    present: &'static str,
    columns: &'static str,
}

impl Spelling {
    fn of(field: FixedField) -> Self {
        match field {
            FixedField::Language => Self { present: "c.language", columns: "language = $6" },
            FixedField::Responsible => Self {
                present: "coalesce({member}, c.responsible_name)",
                columns: "responsible_id = $5, responsible_name = $6",
            },
            FixedField::Exemption => Self {
                present: LOGGED_EXEMPTION,
                columns: "exemption_reason = $6, exemption_note = $8, exemption_until = $9",
            },
            FixedField::Archived => {
                Self { present: "CASE WHEN c.archived_at IS NULL THEN NULL ELSE $4 END", columns: "archived_at = $7" }
            }
            _ => Self { present: "c.portfolio", columns: "portfolio = $6" },
        }
    }
}

const MEMBER_ON_POSTGRES: &str = "'mem_' || replace(c.responsible_id::text, '-', '')";
const MEMBER_ON_SQLITE: &str = "CASE WHEN c.responsible_id IS NOT NULL THEN 'mem_' || lower(hex(c.responsible_id)) END";

impl Set {
    /// Sets or clears one field of the card on many clients, each at most once among them, and raises the revisions of
    /// those whose value it changes. Clients of other practices are left alone. Returns how many changed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn assign_card(&self, tx: &mut Tx<'_>, clients: &[i64], value: CardValue<'_>) -> Result<usize> {
        if clients.is_empty() {
            return Ok(0);
        }
        let field = value.field();
        let Spelling { present, columns } = Spelling::of(field);
        let log = format!(
            "INSERT INTO changes (entry_key, client_key, field, item, old_txt, new_txt) \
             SELECT $1, c.key, $2, 0, {present}, $4 FROM clients AS c \
             WHERE c.practice_id = $10 AND c.key {{among}} AND ({present}) {{differ}} $4"
        );
        // The sign keeps SQLite from looking for each pair of the two lists in one index.
        let write = format!(
            "UPDATE clients SET {columns} WHERE practice_id = $10 AND key {{among}} \
             AND +key IN (SELECT client_key FROM changes WHERE entry_key = $1 AND field = $2)"
        );
        let changed = self.run_on(tx, &log, clients, value)?;
        self.run_on(tx, &write, clients, value)?;
        self.raise_changed(tx, &[field.number()])?;
        Ok(changed)
    }

    fn run_on(&self, tx: &mut Tx<'_>, sql: &str, clients: &[i64], value: CardValue<'_>) -> Result<usize> {
        let Bound { logged, member, text, note, until } = self.bound(value);
        let number = value.field().number();
        Ok(match &mut **tx {
            Conn::Postgres(c) => {
                let sql = sql
                    .replace("{among}", "= ANY($3)")
                    .replace("{differ}", "IS DISTINCT FROM")
                    .replace("{member}", MEMBER_ON_POSTGRES);
                diesel::sql_query(sql)
                    .bind::<BigInt, _>(self.entry)
                    .bind::<BigInt, _>(number)
                    .bind::<Array<BigInt>, _>(clients)
                    .bind::<Nullable<Text>, _>(logged)
                    .bind::<Nullable<UidType>, _>(member)
                    .bind::<Nullable<Text>, _>(text)
                    .bind::<BigInt, _>(self.now)
                    .bind::<Nullable<Text>, _>(note)
                    .bind::<Nullable<Text>, _>(until)
                    .bind::<UidType, _>(self.practice)
                    .execute(c)?
            }
            Conn::Sqlite(c) => {
                let sql = sql
                    .replace("{among}", "IN (SELECT value FROM json_each($3))")
                    .replace("{differ}", "IS NOT")
                    .replace("{member}", MEMBER_ON_SQLITE);
                // SQLite numbers `$1` by where it stands first, and `?1` as it says; `$10` begins with `$1`.
                let sql = (1..=9).fold(sql, |sql, n| sql.replace(&format!("${n}"), &format!("?{n}")));
                diesel::sql_query(sql)
                    .bind::<BigInt, _>(self.entry)
                    .bind::<BigInt, _>(number)
                    .bind::<Text, _>(serde_json::to_string(clients)?)
                    .bind::<Nullable<Text>, _>(logged)
                    .bind::<Nullable<UidType>, _>(member)
                    .bind::<Nullable<Text>, _>(text)
                    .bind::<BigInt, _>(self.now)
                    .bind::<Nullable<Text>, _>(note)
                    .bind::<Nullable<Text>, _>(until)
                    .bind::<UidType, _>(self.practice)
                    .execute(c)?
            }
        })
    }

    fn bound<'a>(&self, value: CardValue<'a>) -> Bound<'a> {
        let plain = |text: Option<&'a str>| Bound { logged: text.map(str::to_owned), text, ..Bound::default() };
        match value {
            CardValue::Portfolio(text) => plain(text),
            CardValue::Language(code) => plain(Some(code)),
            CardValue::Responsible(None) | CardValue::Exemption(None) => Bound::default(),
            CardValue::Responsible(Some(who)) => {
                let logged = who.member.map_or_else(|| who.name.clone(), |member: MemberId| member.to_string());
                let (logged, member) = (Some(logged), who.member.map(|member| member.0));
                Bound { logged, member, text: Some(&who.name), ..Bound::default() }
            }
            CardValue::Exemption(Some(exemption)) => Bound {
                logged: Some(exemption.logged()),
                text: Some(exemption.reason.as_str()),
                note: exemption.note.as_deref(),
                until: exemption.until.as_deref(),
                ..Bound::default()
            },
            CardValue::Archived => Bound { logged: Some(self.now.to_string()), ..Bound::default() },
        }
    }
}

/// What the statements of an assignment bind.
#[derive(Default)]
struct Bound<'a> {
    /// What the log gets.
    logged: Option<String>,
    /// The member's identifier.
    member: Option<Uid>,
    /// The text of the column.
    text: Option<&'a str>,
    /// The note of an exemption.
    note: Option<&'a str>,
    /// The last day of an exemption.
    until: Option<&'a str>,
}
