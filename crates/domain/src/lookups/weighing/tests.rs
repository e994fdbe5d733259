//! News of a client, weighed.

use super::*;
use crate::kernel::clock::Instant;

fn at(seconds: i64) -> Instant {
    Instant(0).plus_seconds(seconds)
}

fn told(state: State, seat: Option<&str>, seconds: i64) -> News {
    let known = Known { state, cause: None, seat: seat.map(str::to_owned), name: None, checked_at: at(seconds) };
    News::Told { known, details: None, types: None }
}

fn failed(seconds: i64) -> News {
    News::Failed(Failure { cause: "dns".to_owned(), since: at(seconds) })
}

fn news(of: &[(&str, News)]) -> AllNews {
    of.iter().map(|(identifier, news)| ((*identifier).to_owned(), news.clone())).collect()
}

/// A client with two identifiers after it has heard `first`.
fn client(first: &AllNews) -> Subject {
    let mut subject = Subject {
        key: 1,
        id: ClientId::new(),
        facts: RegistrationFacts::default(),
        seen: vec![Seen::nothing("0208:1"), Seen::nothing("9925:1")],
        former: Vec::new(),
    };
    hears(&mut subject, first);
    subject
}

fn hears(subject: &mut Subject, news: &AllNews) -> Option<Verdict> {
    let verdict = weigh(subject, news)?;
    for seen in &verdict.seen {
        for own in &mut subject.seen {
            if own.sighting.identifier == seen.sighting.identifier {
                *own = seen.clone();
            }
        }
    }
    if let Some(facts) = &verdict.facts {
        subject.facts = facts.clone();
    }
    Some(verdict)
}

#[test]
fn the_history_begins_with_the_first_sight_and_grows_with_each_move() {
    let both = |seat, seconds| {
        news(&[
            ("0208:1", told(State::Registered, Some(seat), seconds)),
            ("9925:1", told(State::NotRegistered, None, seconds)),
        ])
    };
    let mut subject = client(&AllNews::new());
    let first = hears(&mut subject, &both("POP000001", 1)).unwrap();
    assert_eq!(first.moves.len(), 2);
    assert!(first.moves.iter().all(|(old, ..)| old.is_none()));
    let same = hears(&mut subject, &both("POP000001", 2)).unwrap();
    assert!(same.moves.is_empty());
    assert_eq!(subject.seen[0].since, Some(at(1)), "it is there since the first sight");
    assert_eq!(subject.facts.checked_at, Some(at(2)));
    let moved = hears(&mut subject, &both("POP000002", 3)).unwrap();
    assert_eq!(moved.moves.len(), 1);
    assert_eq!(moved.moves[0].0.as_ref().unwrap().seat.as_deref(), Some("POP000001"));
    assert_eq!(subject.seen[0].since, Some(at(3)));
}

#[test]
fn a_client_vanishes_when_none_of_its_identifiers_is_left() {
    let registered = news(&[
        ("0208:1", told(State::Registered, Some("POP000001"), 1)),
        ("9925:1", told(State::Registered, Some("POP000001"), 1)),
    ]);
    let mut subject = client(&registered);
    let one = weigh(&subject, &news(&[("0208:1", told(State::NotRegistered, None, 2))])).unwrap();
    assert!(!one.is_vanished && one.moves.len() == 1);
    let gone =
        news(&[("0208:1", told(State::NotRegistered, None, 2)), ("9925:1", told(State::NotRegistered, None, 2))]);
    assert!(weigh(&subject, &gone).unwrap().is_vanished);
    hears(&mut subject, &gone);
    assert!(!weigh(&subject, &gone).unwrap().is_vanished, "it is gone already");
}

#[test]
fn unbroken_failures_keep_their_beginning() {
    let mut subject = client(&news(&[
        ("0208:1", told(State::Registered, Some("POP000001"), 1)),
        ("9925:1", told(State::NotRegistered, None, 1)),
    ]));
    hears(&mut subject, &news(&[("0208:1", failed(10))]));
    hears(&mut subject, &news(&[("0208:1", failed(20))]));
    assert_eq!(subject.facts.unknown_since, Some(at(10)));
    hears(&mut subject, &news(&[("0208:1", told(State::Registered, Some("POP000001"), 30))]));
    assert_eq!((subject.facts.unknown_since, subject.facts.checked_at), (None, Some(at(30))));
}

#[test]
fn news_of_others_are_no_news() {
    let subject = client(&AllNews::new());
    assert!(weigh(&subject, &news(&[("0208:2", failed(1))])).is_none());
    assert!(weigh(&subject, &AllNews::new()).is_none());
}

#[test]
fn a_number_that_was_corrected_makes_no_vanishing() {
    let mut subject = client(&AllNews::new());
    subject.facts.state = Some("registered".to_owned());
    let mut former = Seen::nothing("0208:9");
    former.sighting.known =
        Some(Known { state: State::Registered, cause: None, seat: None, name: None, checked_at: at(1) });
    subject.former.push(former);
    assert!(subject.is_renumbered() && !subject.is_canary(&subject.seen[0]));
    let gone =
        news(&[("0208:1", told(State::NotRegistered, None, 2)), ("9925:1", told(State::NotRegistered, None, 2))]);
    let verdict = weigh(&subject, &gone).unwrap();
    assert!(!verdict.is_vanished);
    assert_eq!(verdict.facts.unwrap().state.as_deref(), Some("not_registered"));
}

#[test]
fn a_card_without_rows_is_doubted_all_the_same() {
    let mut subject = client(&AllNews::new());
    subject.facts.state = Some("registered".to_owned());
    assert!(subject.is_canary(&subject.seen[0]));
    assert!(!subject.is_renumbered());
}
