//! The rules on several identifiers, as a truth table and as properties over all combinations.

use super::*;

fn at(seconds: i64) -> Instant {
    Instant(0).plus_seconds(seconds)
}

fn known(state: State, seat: &str, seconds: i64) -> Option<Known> {
    let is_registered = state == State::Registered;
    Some(Known {
        state,
        cause: (state == State::CannotReceive).then(|| "no_document_type".to_owned()),
        seat: is_registered.then(|| seat.to_owned()),
        name: is_registered.then(|| format!("Company {seat}")),
        checked_at: at(seconds),
    })
}

fn seen(identifier: &str, known: Option<Known>, failed: Option<i64>) -> Sighting {
    let failure = failed.map(|seconds| Failure { cause: "dns".to_owned(), since: at(seconds) });
    Sighting { identifier: identifier.to_owned(), known, failure }
}

fn facts(state: &str, seat: Option<&str>, checked: i64) -> RegistrationFacts {
    RegistrationFacts {
        state: Some(state.to_owned()),
        cause: (state == "cannot_receive").then(|| "no_document_type".to_owned()),
        seat: seat.map(str::to_owned),
        name: seat.map(|seat| format!("Company {seat}")),
        checked_at: Some(at(checked)),
        unknown_since: None,
    }
}

fn merged(before: &RegistrationFacts, seen: &[Sighting]) -> RegistrationFacts {
    merge(before, seen, false).unwrap()
}

#[test]
fn one_state_comes_of_several_identifiers() {
    use State::{CannotReceive as Cannot, NotRegistered as Not, Registered as Yes};
    let never = RegistrationFacts::default();
    for (case, first, second, expected) in [
        ("0208 only", known(Yes, "POP000001", 5), known(Not, "", 5), facts("registered", Some("POP000001"), 5)),
        ("9925 only", known(Not, "", 5), known(Yes, "POP000002", 5), facts("registered", Some("POP000002"), 5)),
        (
            "both, different",
            known(Yes, "POP000001", 5),
            known(Yes, "POP000002", 5),
            facts("registered", Some("POP000001"), 5),
        ),
        ("no BIS invoice", known(Cannot, "", 5), known(Not, "", 5), facts("cannot_receive", None, 5)),
        (
            "able under the other",
            known(Cannot, "", 5),
            known(Yes, "POP000002", 5),
            facts("registered", Some("POP000002"), 5),
        ),
        ("gone, or Hermes only", known(Not, "", 5), known(Not, "", 7), facts("not_registered", None, 5)),
    ] {
        let all = [seen("0208:0403227515", first, None), seen("9925:be0403227515", second, None)];
        assert_eq!(merged(&never, &all), expected, "{case}");
    }
}

#[test]
fn a_client_without_numbers_has_nothing_to_ask() {
    let before = facts("registered", Some("POP000001"), 1);
    let after = merged(&before, &[]);
    assert_eq!(after, RegistrationFacts { state: Some("nothing_to_ask".to_owned()), ..RegistrationFacts::default() });
}

#[test]
fn two_access_points_are_a_finding() {
    let same = [
        seen("0208:1", known(State::Registered, "POP000001", 5), None),
        seen("9925:1", known(State::Registered, "POP000001", 5), None),
    ];
    assert!(several_access_points(&same).is_empty());
    let differ = [
        seen("0208:1", known(State::Registered, "POP000001", 5), None),
        seen("9925:1", known(State::Registered, "POP000002", 5), None),
    ];
    assert_eq!(several_access_points(&differ).len(), 2);
}

#[test]
fn a_first_look_up_that_fails_is_unknown_and_heals() {
    let first = merged(&RegistrationFacts::default(), &[seen("0208:1", None, Some(9))]);
    assert_eq!(first.state.as_deref(), Some("unknown"));
    assert_eq!((first.cause.as_deref(), first.checked_at, first.unknown_since), (Some("dns"), None, Some(at(9))));
    let healed = merged(&first, &[seen("0208:1", known(State::NotRegistered, "", 20), None)]);
    assert_eq!(healed, facts("not_registered", None, 20));
}

#[test]
fn an_old_answer_shows_its_age() {
    let before = facts("registered", Some("POP000001"), 5);
    let after = merged(&before, &[seen("0208:1", known(State::Registered, "POP000001", 5), Some(9))]);
    assert_eq!(after, RegistrationFacts { cause: Some("dns".to_owned()), unknown_since: Some(at(9)), ..before });
    let before = facts("cannot_receive", None, 5);
    let after = merged(&before, &[seen("0208:1", known(State::CannotReceive, "", 5), Some(9))]);
    assert_eq!(after, RegistrationFacts { unknown_since: Some(at(9)), ..before }, "its own cause stays");
}

#[test]
fn a_failing_first_identifier_does_not_give_way_to_the_second() {
    let before = facts("registered", Some("POP000001"), 5);
    let all = [
        seen("0208:1", known(State::Registered, "POP000001", 5), Some(9)),
        seen("9925:1", known(State::Registered, "POP000002", 9), None),
    ];
    assert_eq!(merged(&before, &all).seat.as_deref(), Some("POP000001"));
}

#[test]
fn nothing_is_said_before_every_identifier_was_asked() {
    let all = [seen("0208:1", known(State::NotRegistered, "", 5), None), seen("9925:1", None, None)];
    assert_eq!(merge(&RegistrationFacts::default(), &all, false), None);
}

#[test]
fn what_was_known_of_another_number_is_not_kept() {
    let before = facts("registered", Some("POP000001"), 5);
    let failing = [seen("0208:2", None, Some(9))];
    assert_eq!(merge(&before, &failing, true).unwrap().state.as_deref(), Some("unknown"));
    assert_eq!(merge(&before, &failing, false).unwrap().state.as_deref(), Some("registered"));
}

/// Every pair of identifiers, each never asked or with any of the known answers.
fn pairs() -> Vec<[Sighting; 2]> {
    let answers = || {
        [
            None,
            known(State::Registered, "POP000001", 5),
            known(State::Registered, "POP000002", 5),
            known(State::CannotReceive, "", 5),
            known(State::NotRegistered, "", 5),
        ]
    };
    answers()
        .into_iter()
        .flat_map(|one| {
            answers().into_iter().map(move |other| [seen("0208:1", one.clone(), None), seen("9925:1", other, None)])
        })
        .collect()
}

#[test]
fn a_failed_look_up_never_overwrites_a_known_value() {
    for pair in pairs() {
        let Some(before) = merge(&RegistrationFacts::default(), &pair, false) else { continue };
        for which in 1..4 {
            let mut failing = pair.clone();
            for (bit, sighting) in failing.iter_mut().enumerate() {
                if which & (1 << bit) != 0 {
                    sighting.failure = Some(Failure { cause: "smp".to_owned(), since: at(50) });
                }
            }
            let after = merge(&before, &failing, false).unwrap();
            assert!(shows_the_same(&before, &after), "{failing:?} made {after:?} of {before:?}");
            assert_eq!(after.checked_at, before.checked_at);
            let healed = merge(&after, &pair, false).unwrap();
            assert_eq!(healed, before, "the next good answer heals");
        }
    }
}

#[test]
fn the_identifiers_of_a_card_come_in_the_order_in_which_they_count() {
    let belgian =
        Numbers { country: "BE".to_owned(), enterprise_number: Some("0403227515".to_owned()), ..Numbers::default() };
    let texts = |numbers: &Numbers| numbers.participants().iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&belgian), ["0208:0403227515", "9925:be0403227515"]);
    let typed =
        Numbers { country: "FR".to_owned(), identifiers: vec!["0009:12345678901234".to_owned()], ..Numbers::default() };
    assert_eq!(texts(&typed), ["0009:12345678901234"]);
    assert!(Numbers { country: "FR".to_owned(), ..Numbers::default() }.participants().is_empty());
}
