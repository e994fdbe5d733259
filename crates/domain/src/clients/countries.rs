//! Countries by ISO 3166-1 alpha-2 code, and the names that client lists use for the near ones.

use crate::kernel::text;

const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH \
GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB \
LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM \
PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Folded names in Dutch, French, German and English of the countries that Belgian client lists name.
const NAMES: &[(&str, &[&str])] = &[
    ("BE", &["belgie", "belgique", "belgien", "belgium"]),
    ("NL", &["nederland", "pays-bas", "niederlande", "netherlands", "the netherlands", "holland"]),
    ("LU", &["luxemburg", "luxembourg", "groothertogdom luxemburg", "grand-duche de luxembourg"]),
    ("FR", &["frankrijk", "france", "frankreich"]),
    ("DE", &["duitsland", "allemagne", "deutschland", "germany"]),
    ("GB", &["verenigd koninkrijk", "royaume-uni", "vereinigtes konigreich", "united kingdom", "uk"]),
    ("IE", &["ierland", "irlande", "irland", "ireland"]),
    ("IT", &["italie", "italien", "italy", "italia"]),
    ("ES", &["spanje", "espagne", "spanien", "spain", "espana"]),
    ("PT", &["portugal"]),
    ("AT", &["oostenrijk", "autriche", "osterreich", "austria"]),
    ("CH", &["zwitserland", "suisse", "schweiz", "switzerland"]),
    ("PL", &["polen", "pologne", "poland", "polska"]),
    ("DK", &["denemarken", "danemark", "danemark", "denmark"]),
    ("SE", &["zweden", "suede", "schweden", "sweden"]),
    ("US", &["verenigde staten", "etats-unis", "vereinigte staaten", "united states", "usa"]),
];

/// The code that `text` is or names, in capitals (`be`, `België`, `Belgique` give `BE`).
#[must_use]
pub fn parse(text: &str) -> Option<&'static str> {
    let folded = text::fold(text);
    if folded.len() == 2 {
        return CODES.split(' ').find(|code| code.eq_ignore_ascii_case(&folded));
    }
    NAMES.iter().find(|(_, names)| names.contains(&folded.as_str())).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_in_four_languages_are_known() {
        assert_eq!(CODES.split(' ').count(), 249);
        for (text, code) in
            [("be", "BE"), ("België", "BE"), (" BELGIQUE ", "BE"), ("Österreich", "AT"), ("Pays-Bas", "NL")]
        {
            assert_eq!(parse(text), Some(code), "{text}");
        }
        assert_eq!(parse("XX"), None);
        assert_eq!(parse("Klingon"), None);
        assert_eq!(parse(""), None);
    }
}
