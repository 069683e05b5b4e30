//! `example.caa-issuemail`: which authorities may issue S/MIME certificates for
//! the addresses of a domain, as CAA records with `issuemail` say (RFC 9495),
//! held against those that the settings name.
//!
//! An example of a plugin in Rust: `cargo build -p caa-issuemail`, then
//! `engine plugin test target/debug/libcaa_issuemail.so`.

use engine_plugin_api::services::{DnsQuestion, DnsRecord, RecordData, RecordType};
use engine_plugin_api::*;

findings! {
    MISSING = "caa-issuemail-missing",
    STRANGER = "caa-issuemail-stranger",
}

/// Settings of `example.caa-issuemail`.
#[config]
pub struct Config {
    /// The authorities that may issue, by the domain that they publish for CAA;
    /// without any, every authority that the domain names is taken for right.
    pub authorities: Vec<String>,
}

/// The check.
pub struct CaaIssuemail {
    config: Config,
}

impl Check for CaaIssuemail {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "may only the right authorities issue S/MIME certificates?";
        Manifest::new::<Self>("example.caa-issuemail", env!("CARGO_PKG_VERSION"), summary)
            .category(Category::Dns)
            .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(CaaIssuemail { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        let mut judgement = Judgement::default();
        match relevant(&cx, &domain).await {
            Observed::Known(set) => judge(&domain, &set, &self.config, &mut judgement),
            Observed::Unknown(cause) => {
                let what = "who may issue S/MIME certificates for its addresses";
                judgement.unknown(Unknown::new(Subject::Domain(domain), what, cause));
            }
        }
        cx.conclude(judgement)
    }
}

/// The records that count for a domain, and the observation that they stand in.
pub struct RelevantSet {
    records: Vec<DnsRecord>,
    evidence: EvidenceId,
}

/// Climbs from the domain towards the root to the first name that has CAA
/// records (RFC 8659 §3). No such name: an empty set.
async fn relevant(cx: &Context, domain: &str) -> Observed<RelevantSet> {
    let mut name = domain;
    let mut first = None;
    loop {
        let reply = cx.dns(DnsQuestion::new(name, RecordType::Caa)).await;
        match reply.observed() {
            Observed::Unknown(cause) => return Observed::Unknown(cause),
            Observed::Known(records) if !records.is_empty() => {
                return Observed::Known(RelevantSet { records, evidence: reply.evidence });
            }
            Observed::Known(_) => {}
        }
        let evidence = first.get_or_insert(reply.evidence);
        match name.split_once('.') {
            Some((_, parent)) => name = parent,
            None => return Observed::Known(RelevantSet { records: Vec::new(), evidence: evidence.clone() }),
        }
    }
}

fn judge(domain: &str, set: &RelevantSet, config: &Config, judgement: &mut Judgement) {
    let subject = Subject::Domain(domain.to_owned());
    let allowed: Vec<_> = set.records.iter().filter_map(|record| Some((record, issuer(record)?))).collect();
    if allowed.is_empty() {
        let authority = config.authorities.first().map_or(";", String::as_str);
        let remedy = Remedy::step("Publish who may issue S/MIME certificates; `;` says that nobody may.").publish(
            domain,
            "CAA",
            format!("0 issuemail \"{authority}\""),
        );
        let seen = format!("No issuemail property applies to {domain}: every authority may issue.");
        judgement.find(Finding::new(MISSING, subject, seen).evidence(Evidence::of(&set.evidence)).remedy(remedy));
        return;
    }
    if config.authorities.is_empty() {
        return;
    }
    // An empty name allows nobody.
    let strangers = allowed.iter().filter(|(_, name)| {
        !name.is_empty() && !config.authorities.iter().any(|authority| authority.eq_ignore_ascii_case(name))
    });
    for (record, name) in strangers {
        let text = record.to_string();
        let at = text.rfind(name.as_str()).map(|start| Span::new(start, start + name.len()));
        let mut evidence = Evidence::quoting(&set.evidence, text);
        if let Some(at) = at {
            evidence = evidence.at(at, "none of ours");
        }
        let remedy = Remedy::step("Withdraw the record, unless certificates do come from there.").withdraw(
            &record.name,
            "CAA",
            record.data_text(),
        );
        let seen = format!("{name} may issue S/MIME certificates for addresses at {domain}.");
        judgement.find(Finding::new(STRANGER, subject.clone(), seen).evidence(evidence).remedy(remedy));
    }
}

/// Whom an `issuemail` record allows; empty for nobody, which a malformed value
/// says too (RFC 9495 §3). `None` for other properties.
fn issuer(record: &DnsRecord) -> Option<String> {
    let RecordData::Caa { tag, value, .. } = &record.data else { return None };
    if !tag.0.eq_ignore_ascii_case(b"issuemail") {
        return None;
    }
    let text = String::from_utf8_lossy(&value.0);
    let name = text.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
    let label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    Some(if name.split('.').all(label) { name.to_owned() } else { String::new() })
}

export_check!(CaaIssuemail);
