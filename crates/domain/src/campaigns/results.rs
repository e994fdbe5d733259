//! The ledger as a file for spreadsheets: a line for each client of the audience.

use super::model::Campaign;
use super::recipients::{Asked, recipients};
use crate::kernel::catalogue::{self, Language};
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::transfers::{Cell, Separated, separated_header};

/// Clients of one piece.
const PIECE: u32 = 2_000;
/// The columns.
const COLUMNS: [&str; 11] = [
    "client_id",
    "client",
    "status",
    "address",
    "contact",
    "language",
    "reason",
    "attempts",
    "words",
    "settled_at",
    "bounce",
];

/// The beginning of the file: a byte order mark and what the columns are called.
///
/// # Errors
/// Never, as there is room.
pub fn results_header(language: Language) -> Result<Vec<u8>> {
    separated_header(&COLUMNS.map(|column| catalogue::text(language, &format!("result.{column}"), &[])))
}

/// The next piece of the file behind `cursor`, and where the one behind it begins; nothing behind the last one.
///
/// # Errors
/// When the database refuses.
pub fn results_piece(
    conn: &mut Conn,
    campaign: &Campaign,
    (cursor, language): (Option<&str>, Language),
) -> Result<(Vec<u8>, Option<String>)> {
    let page = recipients(conn, campaign, Asked { cursor, limit: PIECE, ..Asked::default() })?;
    let mut lines = Separated::with_capacity(page.items.len());
    for one in &page.items {
        let word = |key: String| Cell::Text(catalogue::text(language, &format!("word.{key}"), &[]).into());
        let text = |text: Option<&str>| text.map_or(Cell::Empty, |text| Cell::Text(text.to_owned().into()));
        lines.row(
            [
                Cell::Text(one.client.to_string().into()),
                text(Some(&one.name)),
                word(format!("recipient.{}", one.state.as_str())),
                text(one.address.as_deref()),
                text(one.contact.as_deref()),
                word(format!("language.{}", one.language)),
                word(format!("reason.{}", one.reason)),
                Cell::Number(f64::from(one.attempts)),
                text(one.words.as_deref()),
                one.settled_at.map_or(Cell::Empty, Cell::Moment),
                one.bounce.map_or(Cell::Empty, |bounce| word(format!("bounce.{}", bounce.as_str()))),
            ]
            .into_iter(),
        )?;
    }
    Ok((lines.finish()?, page.next_cursor))
}
