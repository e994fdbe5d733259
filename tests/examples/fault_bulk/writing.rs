//! A process that writes to a practice through the domain, and takes one write in seven back.

use std::process::ExitCode;
use std::time::Duration;

use klaar_domain::clients::door::{self, Assigned, CardValue, NewClient};
use klaar_domain::clients::{self, CardDraft};
use klaar_domain::custom_fields::{self, Catalogue};
use klaar_domain::identity::{self, Practice};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{Address, Db, Tx};
use klaar_domain::kernel::error::{Error, Result};
use serde_json::{Value, json};

use crate::beside::{PRACTICE, said_by_sql};
use crate::ground::{Chance, Fallible};

/// One write of some kind on some clients.
fn disturb(tx: &mut Tx<'_>, chance: &mut Chance, (practice, catalogue): (&Practice, &Catalogue)) -> Result<()> {
    let field = |slug: &str| catalogue.by_slug(slug).map_or(0, |field| field.key);
    let keys: Vec<i64> = said_by_sql(tx, practice, ("1 = 1", "c.key"))?.into_iter().map(|(key, _)| key).collect();
    let some: Vec<i64> = keys.into_iter().filter(|_| chance.one_in(8)).collect();
    let set = door::open(tx, practice, &Actor::operator(), Event::new("clients.edited", "command_line"))?;
    match chance.below(6) {
        0 => {
            let employees = json!(chance.below(250));
            set.assign_values(tx, field("cf_employees"), &some, Assigned::One(Some(&employees)))?;
        }
        1 => {
            let options = catalogue.by_slug("cf_segment").map(|field| field.options.as_slice()).unwrap_or_default();
            let option = chance.pick(options).map(|option| json!(option.key));
            set.assign_values(tx, field("cf_segment"), &some, Assigned::One(option.as_ref()))?;
        }
        2 => {
            let text = |chance: &mut Chance| (!chance.one_in(3)).then(|| json!(format!("note {}", chance.below(100))));
            let texts: Vec<Option<Value>> = some.iter().map(|_| text(chance)).collect();
            set.assign_values(tx, field("cf_notes"), &some, Assigned::Each(&texts))?;
        }
        3 => {
            let portfolio = format!("p{}", chance.below(3));
            set.assign_card(tx, &some, CardValue::Portfolio(Some(&portfolio)))?;
        }
        4 => {
            // As many as come into being, here and over HTTP.
            set.assign_card(tx, some.get(..3).unwrap_or_default(), CardValue::Archived)?;
        }
        _ => {
            let around = clients::surroundings(tx, practice)?;
            let name = format!("Beside {:04}", chance.below(1_000));
            let draft = CardDraft { name: Some(name), ..CardDraft::default() };
            set.insert(tx, &[&NewClient::of(clients::check(draft, &around).map_err(Error::Invalid)?)])?;
        }
    }
    if chance.one_in(7) { Err(Error::conflict("undone")) } else { Ok(()) }
}

/// Writes until it is killed.
pub fn write(address: &str, seed: u64) -> Fallible<ExitCode> {
    let db = Db::open(&Address::parse(address)?, 2, Clock::system())?;
    let place = db.read(|conn| {
        let practice = identity::practice_by_text(conn, PRACTICE)?;
        let catalogue = custom_fields::catalogue(conn, &practice)?;
        Ok((practice, catalogue))
    })?;
    let mut chance = Chance(seed);
    loop {
        match db.write(|tx| disturb(tx, &mut chance, (&place.0, &place.1))) {
            Ok(()) | Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error.to_string().into()),
        }
        std::thread::sleep(Duration::from_millis(u64::try_from(chance.below(40))?));
    }
}
