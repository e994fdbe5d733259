//! Texts of domains outside the world's zone: what they say about mails that come from them (SPF, DKIM, DMARC).

use std::collections::BTreeMap;

use hickory_proto::rr::Name;

use crate::SandboxError;

/// The domains that the name server answers for, with the texts at their names.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<Name, Vec<(Name, String)>>);

/// What stands at a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum At {
    /// These texts; none where there is something below that name alone.
    Texts(Vec<String>),
    /// Nothing, nor below it.
    Nothing,
    /// It is in none of the domains.
    Outside,
}

impl Texts {
    /// Puts these texts in place of those of a domain; each stands at a name below it, or at the domain itself where that is
    /// empty.
    ///
    /// # Errors
    /// When one of the names is no domain name.
    pub(crate) fn publish(&mut self, domain: &str, texts: &[(&str, &str)]) -> Result<(), SandboxError> {
        let parse = |name: &str| {
            let mut parsed = Name::from_ascii(name).map_err(|_| SandboxError::Zone(name.to_owned()))?.to_lowercase();
            parsed.set_fqdn(true);
            Ok::<Name, SandboxError>(parsed)
        };
        let named = texts.iter().map(|(below, text)| {
            let name = if below.is_empty() { domain.to_owned() } else { format!("{below}.{domain}") };
            Ok((parse(&name)?, (*text).to_owned()))
        });
        let named = named.collect::<Result<_, SandboxError>>()?;
        self.0.insert(parse(domain)?, named);
        Ok(())
    }

    pub(super) fn at(&self, asked: &Name) -> At {
        let asked = asked.to_lowercase();
        let Some((domain, texts)) = self.0.iter().find(|(domain, _)| domain.zone_of(&asked)) else {
            return At::Outside;
        };
        let own: Vec<String> = texts.iter().filter(|(name, _)| *name == asked).map(|(_, text)| text.clone()).collect();
        if own.is_empty() && *domain != asked && !texts.iter().any(|(name, _)| asked.zone_of(name)) {
            return At::Nothing;
        }
        At::Texts(own)
    }
}
