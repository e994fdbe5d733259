use proptest::prelude::*;

use super::*;
use crate::lu::Matricule;

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn sml_labels_are_the_golden_ones() {
    for (input, label) in [
        ("0088:123abc", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
        ("0208:0677424046", "yrudm3nqrm76uobzh4griobewmqd4mx574cfdtm75zphrex4ydya"),
        ("0088:1234567890123", "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq"),
    ] {
        assert_eq!(id(input).sml_label(), label);
        assert_eq!(id(&input.to_uppercase()).sml_label(), label);
    }
    assert_eq!(
        id("9915:test").sml_name("participant.sml.prod.tech.peppol.org."),
        "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a.iso6523-actorid-upis.participant.sml.prod.tech.peppol.org"
    );
}

#[test]
fn both_forms_are_read_and_written() {
    let number = id("ISO6523-actorid-upis::0208:0677424046");
    assert_eq!(number, id(" 0208:0677424046 "));
    assert_eq!((number.icd(), number.value()), ("0208", "0677424046"));
    assert_eq!(number.as_str(), "0208:0677424046");
    assert_eq!(number.wire(), "iso6523-actorid-upis::0208:0677424046");
    assert_eq!(number.path_segment(), "iso6523-actorid-upis%3A%3A0208%3A0677424046");
    assert_eq!(id("0242:000123-ABC.x/y").path_segment(), "iso6523-actorid-upis%3A%3A0242%3A000123-abc.x%2Fy");
    assert_eq!(id("0088:a::b").value(), "a::b");
}

#[test]
fn checked_schemes_are_normalised() {
    for (input, wanted) in [
        ("0208:BE 0677.424.046", "0208:0677424046"),
        ("0208:677424046", "0208:0677424046"),
        ("9925:0677424046", "9925:be0677424046"),
        ("9925:BE0677424046", "9925:be0677424046"),
        ("9944:nl004495445b01", "9944:nl004495445b01"),
        ("9938:LU15027442", "9938:lu15027442"),
        ("0106:1234 5678", "0106:12345678"),
        ("0190:00000001820029336000", "0190:00000001820029336000"),
    ] {
        assert_eq!(id(input).as_str(), wanted);
    }
}

#[test]
fn the_failing_check_is_named() {
    for (input, wanted) in [
        ("0208:0677424047", ValueCheck::EnterpriseNumber),
        ("9925:BE0677424047", ValueCheck::VatNumber),
        ("9925:NL004495445B01", ValueCheck::VatNumber),
        ("9944:NL123456789B90", ValueCheck::VatNumber),
        ("9944:BE0677424046", ValueCheck::VatNumber),
        ("9938:LU15027443", ValueCheck::VatNumber),
        ("0106:123", ValueCheck::Kvk),
        ("0190:123", ValueCheck::Oin),
    ] {
        match ParticipantId::parse(input) {
            Err(ParticipantIdError::Value { check, .. }) => assert_eq!(check, wanted, "{input}"),
            other => panic!("{input}: {other:?}"),
        }
    }
    assert_eq!(ParticipantId::parse_form("0208:0677424047").map(|id| id.to_string()).as_deref(), Ok("0208:0677424047"));
}

#[test]
fn what_is_no_identifier() {
    use ParticipantIdError::*;
    let long = format!("0088:{}", "1".repeat(131));
    for (input, wanted) in [
        (" ", Empty),
        ("busdox-docid-qns::0208:0677424046", OtherScheme("busdox-docid-qns".to_owned())),
        ("0677424046", NoIcd),
        ("208:0677424046", NoIcd),
        ("02O8:0677424046", NoIcd),
        ("0088:", NoValue),
        (long.as_str(), TooLong),
        (&"x".repeat(1000), TooLong),
        ("0088:12 3", ForbiddenCharacter(' ')),
        ("0088:é", ForbiddenCharacter('é')),
        ("0088:a\u{7f}", ForbiddenCharacter('\u{7f}')),
    ] {
        assert_eq!(ParticipantId::parse(input), Err(wanted), "{input}");
    }
    assert!(ParticipantId::parse(&format!("0088:{}", "1".repeat(130))).is_ok());
}

fn asked(known: &KnownNumbers) -> Vec<String> {
    identifiers_for(known).iter().map(ToString::to_string).collect()
}

#[test]
fn belgian_clients_are_asked_under_two_schemes() {
    let enterprise_number = EnterpriseNumber::parse("0677424046").ok();
    let vat_number = VatNumber::parse("BE0677424046", None).ok();
    let both = ["0208:0677424046", "9925:be0677424046"];
    for known in [
        KnownNumbers { enterprise_number, ..KnownNumbers::default() },
        KnownNumbers { vat_number: vat_number.clone(), ..KnownNumbers::default() },
        KnownNumbers { enterprise_number, vat_number, country: Some("BE".to_owned()), ..KnownNumbers::default() },
    ] {
        assert_eq!(asked(&known), both);
    }
    let unit = KnownNumbers {
        enterprise_number,
        vat_number: VatNumber::parse("BE0403227515", None).ok(),
        ..KnownNumbers::default()
    };
    assert_eq!(asked(&unit), ["0208:0677424046", "9925:be0403227515"]);
}

#[test]
fn others_by_country_and_extras_last() {
    let known = KnownNumbers {
        enterprise_number: EnterpriseNumber::parse("0677424046").ok(),
        vat_number: VatNumber::parse("NL004495445B01", None).ok(),
        country: Some("nl".to_owned()),
        oin: Oin::parse("00000001820029336000").ok(),
        kvk: KvkNumber::parse("12345678").ok(),
        matricule: Matricule::parse("19992400123").ok(),
        extra: vec![id("0088:1548079098355"), id("0106:12345678")],
    };
    let wanted = [
        "0106:12345678",
        "9944:nl004495445b01",
        "0190:00000001820029336000",
        "0208:0677424046",
        "9925:be0677424046",
        "0240:19992400123",
        "0088:1548079098355",
    ];
    assert_eq!(asked(&known), wanted);
    let luxembourg = KnownNumbers { vat_number: VatNumber::parse("LU15027442", None).ok(), ..KnownNumbers::default() };
    assert_eq!(asked(&luxembourg), ["9938:lu15027442"]);
    let german = KnownNumbers { vat_number: VatNumber::parse("DE129273398", None).ok(), ..KnownNumbers::default() };
    assert!(asked(&german).is_empty(), "nothing to ask");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = ParticipantId::parse(&text);
        let _ = ParticipantId::parse_form(&text);
    }

    #[test]
    fn what_parses_reads_back_the_same(text in "[0-9]{4}:[!-~]{1,40}") {
        if let Ok(first) = ParticipantId::parse(&text) {
            prop_assert_eq!(&ParticipantId::parse(first.as_str()).unwrap(), &first);
            prop_assert_eq!(&ParticipantId::parse(&first.wire()).unwrap(), &first);
            prop_assert_eq!(first.sml_label().len(), 52);
        }
    }
}
