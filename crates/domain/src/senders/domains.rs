//! What a domain says about the mails that come from it: who may send them (SPF), that they are signed (DKIM), and what
//! receivers should do with others (DMARC). Large receivers refuse bulk mail from domains that say nothing of this.

/// What DNS said to a question for texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Texts {
    /// The texts of that name; each joined from its strings (RFC 7208, 3.3).
    Found(Vec<String>),
    /// There is such a name, or something below it, without texts.
    Empty,
    /// There is no such name, nor anything below it (RFC 8020).
    Absent,
    /// Nothing can be said.
    Unanswered,
}

impl Texts {
    /// Those that begin with this version tag, in any letter case, with nothing of the same word behind it.
    fn of_version(&self, tag: &str) -> Vec<&str> {
        let Self::Found(texts) = self else { return Vec::new() };
        let is_one = |text: &&str| {
            text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
                && text.get(tag.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';']))
        };
        texts.iter().map(|text| text.trim_start()).filter(is_one).collect()
    }
}

/// Why mails from a domain may be refused, or be taken for forged ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainDoubt {
    /// No SPF record: it does not say which servers send its mails.
    SpfMissing,
    /// Several SPF records: receivers take that for an error (RFC 7208, 4.5).
    SpfSeveral,
    /// The SPF record says that nobody sends mails from it.
    SpfForbids,
    /// There are no DKIM keys below it.
    DkimMissing,
    /// No DMARC record, neither its own nor one of a domain above it.
    DmarcMissing,
    /// DNS did not answer all questions.
    Unanswered,
}

impl DomainDoubt {
    /// Whether it is about the domain that mails come back to (RFC 7208, 2.4), and not about the one that readers see.
    #[must_use]
    pub fn is_about_envelope(self) -> bool {
        matches!(self, Self::SpfMissing | Self::SpfSeveral | Self::SpfForbids)
    }

    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SpfMissing => "spf_missing",
            Self::SpfSeveral => "spf_several",
            Self::SpfForbids => "spf_forbids",
            Self::DkimMissing => "dkim_missing",
            Self::DmarcMissing => "dmarc_missing",
            Self::Unanswered => "sender_domain_unanswered",
        }
    }
}

/// The domain and those above it with at least two labels, which RFC 7489 (6.6.3) has asked when it has no DMARC record
/// itself. Where the registrable domain begins is not asked: what stands above it has no such record.
pub(super) fn with_parents(domain: &str) -> Vec<&str> {
    fn above<'a>(name: &&'a str) -> Option<&'a str> {
        name.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'))
    }
    std::iter::successors(Some(domain), above).collect()
}

/// What is doubtful of a domain by its SPF texts.
pub(super) fn judge_spf(texts: &Texts) -> Option<DomainDoubt> {
    if *texts == Texts::Unanswered {
        return Some(DomainDoubt::Unanswered);
    }
    match texts.of_version("v=spf1").as_slice() {
        [] => Some(DomainDoubt::SpfMissing),
        [one] => {
            let mut terms = one.split_ascii_whitespace().skip(1).filter(|term| !term.contains('='));
            let forbids = terms.next().is_some_and(|term| term.eq_ignore_ascii_case("-all"));
            forbids.then_some(DomainDoubt::SpfForbids).filter(|_| !one.to_ascii_lowercase().contains("redirect="))
        }
        _ => Some(DomainDoubt::SpfSeveral),
    }
}

/// What is doubtful by what stands at `_domainkey`, below which the keys are (RFC 6376, 3.6.2.1): their names cannot be
/// known, but a name server denies that name only where nothing is below it (RFC 8020).
pub(super) fn judge_dkim(texts: &Texts) -> Option<DomainDoubt> {
    match texts {
        Texts::Found(_) | Texts::Empty => None,
        Texts::Absent => Some(DomainDoubt::DkimMissing),
        Texts::Unanswered => Some(DomainDoubt::Unanswered),
    }
}

/// What is doubtful by the texts at `_dmarc` of a domain and those above it, as far as they were asked.
pub(super) fn judge_dmarc(texts: &[Texts]) -> Option<DomainDoubt> {
    match texts {
        // Several records count as none (RFC 7489, 6.6.3).
        texts if texts.iter().any(|one| one.of_version("v=DMARC1").len() == 1) => None,
        texts if texts.contains(&Texts::Unanswered) => Some(DomainDoubt::Unanswered),
        _ => Some(DomainDoubt::DmarcMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Texts {
        Texts::Found(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn spf_is_one_record_that_lets_somebody_send() {
        for good in ["v=spf1 include:_spf.example.net -all", "V=SPF1 mx", "v=spf1 redirect=_spf.example.net", "v=spf1"]
        {
            assert_eq!(judge_spf(&found(&["unlike", good])), None, "{good}");
        }
        for none in [found(&["v=spf10 mx", "spf1"]), Texts::Empty, Texts::Absent] {
            assert_eq!(judge_spf(&none), Some(DomainDoubt::SpfMissing));
        }
        assert_eq!(judge_spf(&found(&["v=spf1 mx", "v=spf1 a"])), Some(DomainDoubt::SpfSeveral));
        assert_eq!(judge_spf(&found(&["v=spf1 -all"])), Some(DomainDoubt::SpfForbids));
        assert_eq!(judge_spf(&Texts::Unanswered), Some(DomainDoubt::Unanswered));
    }

    #[test]
    fn dkim_is_doubted_where_nothing_is_below_its_name() {
        assert_eq!(judge_dkim(&Texts::Empty), None);
        assert_eq!(judge_dkim(&Texts::Absent), Some(DomainDoubt::DkimMissing));
        assert_eq!(judge_dkim(&Texts::Unanswered), Some(DomainDoubt::Unanswered));
    }

    #[test]
    fn dmarc_may_stand_above() {
        assert_eq!(
            with_parents("post.kantoor.example.be"),
            ["post.kantoor.example.be", "kantoor.example.be", "example.be"]
        );
        assert_eq!(with_parents("example.be"), ["example.be"]);
        let record = found(&["v=DMARC1; p=none"]);
        assert_eq!(judge_dmarc(&[Texts::Absent, record.clone()]), None);
        assert_eq!(judge_dmarc(&[Texts::Unanswered, record]), None);
        assert_eq!(judge_dmarc(&[Texts::Absent, Texts::Unanswered]), Some(DomainDoubt::Unanswered));
        let two = found(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]);
        assert_eq!(judge_dmarc(&[two]), Some(DomainDoubt::DmarcMissing));
    }
}
