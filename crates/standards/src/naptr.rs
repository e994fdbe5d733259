//! From the NAPTR records of a participant to the base URL of its SMP (SML 1.3.0; RFC 3403 for the record's fields).

use std::fmt;

use thiserror::Error;
use url::Url;

/// One NAPTR record as DNS gives it; the three texts are bytes, because a name server may send any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NaptrRecord<'a> {
    pub order: u16,
    pub preference: u16,
    pub flags: &'a [u8],
    pub services: &'a [u8],
    pub regexp: &'a [u8],
}

/// Why no record leads to an SMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NaptrError {
    /// No record has flag `U` and service `Meta:SMP`.
    #[error("no NAPTR record is for an SMP")]
    NoMetaSmp,
    /// There are such records, but none holds an http or https URL.
    #[error("no NAPTR record for an SMP holds a usable URL")]
    NoUsableUrl,
}

/// The base URL of an SMP: http or https with a host, without credentials, query, fragment or final slash. Whether
/// http, a port or a private address is acceptable is for the caller to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SmpBase {
    url: Url,
}

impl SmpBase {
    /// Reads a base URL; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        // A URL parser would repair white space, control characters and backslashes; here they mean a broken record.
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let is_usable = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
        (is_bare && is_usable && url.fragment().is_none()).then_some(Self { url })
    }

    /// The URL without a final slash.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Host name or address, lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port, also when it is the scheme's own.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Whether the scheme is https; otherwise it is http.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The base followed by a path that begins with a slash, as the functions of [`crate::smp`] make it.
    pub fn with_path(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }
}

impl fmt::Display for SmpBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The SMP the records lead to: of those with flag `U` and service `Meta:SMP` (any case), in the order of `order`, then
/// `preference`, the first whose regexp holds a usable URL.
pub fn smp_base(records: &[NaptrRecord<'_>]) -> Result<SmpBase, NaptrError> {
    let mut candidates: Vec<_> = records.iter().filter(|record| is_meta_smp(record)).collect();
    if candidates.is_empty() {
        return Err(NaptrError::NoMetaSmp);
    }
    candidates.sort_by_key(|record| (record.order, record.preference));
    candidates.iter().find_map(|record| target(record.regexp)).ok_or(NaptrError::NoUsableUrl)
}

fn is_meta_smp(record: &NaptrRecord<'_>) -> bool {
    record.flags.eq_ignore_ascii_case(b"U") && record.services.eq_ignore_ascii_case(b"Meta:SMP")
}

/// `!.*!https://host/path!`: the delimiter is the first character, the target stands between the second and the third.
fn target(regexp: &[u8]) -> Option<SmpBase> {
    let text = std::str::from_utf8(regexp).ok()?;
    let delimiter = text.chars().next()?;
    let mut parts = text.split(delimiter).skip(2);
    let target = parts.next()?;
    // Without a third delimiter the record was cut off, and so perhaps the URL.
    parts.next()?;
    SmpBase::parse(target)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(order: u16, preference: u16, regexp: &str) -> NaptrRecord<'_> {
        NaptrRecord { order, preference, flags: b"U", services: b"Meta:SMP", regexp: regexp.as_bytes() }
    }

    fn found(records: &[NaptrRecord<'_>]) -> Result<String, NaptrError> {
        smp_base(records).map(|base| base.to_string())
    }

    #[test]
    fn row_4_no_record_for_an_smp() {
        let mut other = record(100, 10, "!.*!https://smp.example!");
        other.services = b"E2U+sip";
        let mut flag = record(100, 10, "!.*!https://smp.example!");
        flag.flags = b"S";
        assert_eq!(found(&[other, flag]), Err(NaptrError::NoMetaSmp));
        assert_eq!(found(&[]), Err(NaptrError::NoMetaSmp));
    }

    #[test]
    fn row_5_every_lawful_form() {
        assert_eq!(found(&[record(100, 10, "!.*!https://smp.example!")]).as_deref(), Ok("https://smp.example"));
        assert_eq!(
            found(&[record(100, 10, "#^.*$#https://smp.example/a/b/#i")]).as_deref(),
            Ok("https://smp.example/a/b")
        );
        assert_eq!(
            found(&[record(100, 10, "§.*§http://10.0.0.1:8080/smp§")]).as_deref(),
            Ok("http://10.0.0.1:8080/smp")
        );
        let mut lower = record(100, 10, "!.*!https://smp.example!");
        lower.flags = b"u";
        lower.services = b"meta:smp";
        assert_eq!(found(&[lower]).as_deref(), Ok("https://smp.example"));
    }

    #[test]
    fn row_5_lowest_order_then_preference_and_unusable_ones_skipped() {
        let records = [
            record(100, 20, "!.*!https://third.example!"),
            record(100, 10, "!.*!https://second.example!"),
            record(50, 90, "!.*!https://first.example!"),
        ];
        assert_eq!(found(&records).as_deref(), Ok("https://first.example"));
        let broken = [record(10, 10, "!.*!ftp://x.example!"), records[1], record(1, 1, "!.*!https://cut.exam")];
        assert_eq!(found(&broken).as_deref(), Ok("https://second.example"));
    }

    #[test]
    fn unusable_targets() {
        for regexp in [
            "",
            "!",
            "!!",
            "!.*!!",
            "!.*!https://cut",
            "!.*!https://!",
            "!.*!smp.example!",
            "!.*!file:///etc/passwd!",
            "!.*!https://user:secret@smp.example!",
            "!.*!https://smp.example?x=1!",
            "!.*!https://smp.example/#x!",
            "!(.*)!https://smp.example/\\1!",
            "!.*!https://smp .example!",
        ] {
            assert_eq!(found(&[record(1, 1, regexp)]), Err(NaptrError::NoUsableUrl), "{regexp}");
        }
        let invalid = NaptrRecord { regexp: b"!.*!https://\xff!", ..record(1, 1, "") };
        assert_eq!(found(&[invalid]), Err(NaptrError::NoUsableUrl));
    }

    #[test]
    fn the_parts_of_a_base() {
        let base = SmpBase::parse("https://SMP.Example/path/").expect("a base");
        assert_eq!((base.host(), base.port(), base.is_https()), ("smp.example", 443, true));
        assert_eq!(base.with_path("/x%3A%3Ay"), "https://smp.example/path/x%3A%3Ay");
    }

    proptest! {
        #[test]
        fn no_record_panics(regexp in proptest::collection::vec(any::<u8>(), 0..80)) {
            let bytes = NaptrRecord { regexp: &regexp, ..record(1, 1, "") };
            let _ = smp_base(&[bytes]);
        }
    }
}
