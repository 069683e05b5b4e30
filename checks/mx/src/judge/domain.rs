//! The domain itself: whether it exists and says where its mail goes.

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};

use super::{Reach, addresses, reach};
use crate::{
    DOMAIN_ALIAS, DOMAIN_MISSING, IMPLICIT, INFRASTRUCTURE_DOMAIN, MISSING, NULL, NULL_CONTRADICTED, NULL_PREFERENCE,
    facts::{Answer, Facts, MxRecord},
    words::list,
};

pub(super) fn judge(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    if !mx.exists {
        missing_domain(facts, mx, out);
        return;
    }
    alias(facts, mx, out);
    infrastructure(facts, mx, out);
    if mx.records.is_empty() {
        no_mx(facts, mx, out);
    }
    null(facts, mx, out);
}

fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

fn missing_domain(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    let (domain, owner) = (&facts.domain, facts.owner());
    let mut seen = if mx.aliases.is_empty() {
        format!("The name {domain} does not exist in the DNS (NXDOMAIN)")
    } else {
        format!("{domain} is an alias of {owner}, and {owner} does not exist in the DNS (NXDOMAIN)")
    };
    let remedy = match &mx.denied_by {
        Some(zone) => {
            seen.push_str(&format!("; the zone `{zone}` says so."));
            if !mx.aliases.is_empty() {
                Remedy::step(format!(
                    "Let the CNAME of {domain} lead to a name that exists, or replace it by the records that {domain} is \
                     to have."
                ))
            } else if zone == "." || !zone.contains('.') {
                Remedy::step(format!(
                    "Check the spelling; then check at the registrar that {owner} is registered, has not expired or \
                     been suspended, and has name servers."
                ))
            } else {
                Remedy::step(format!(
                    "Check the spelling; then add {owner} with its MX records to the zone {zone}, or register it \
                     where {zone} is a public suffix."
                ))
            }
        }
        None => {
            seen.push('.');
            Remedy::step(format!("Check the spelling, the registration and the name servers of {owner}."))
        }
    };
    out.find(Finding::new(DOMAIN_MISSING, subject(facts), seen).evidence(Evidence::of(&mx.evidence)).remedy(remedy));
}

/// RFC 5321 §5.1: the name that an alias leads to is taken in the place of the domain.
fn alias(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    if mx.aliases.is_empty() {
        return;
    }
    let (domain, owner) = (&facts.domain, facts.owner());
    out.find(
        Finding::new(
            DOMAIN_ALIAS,
            subject(facts),
            format!(
                "{domain} is an alias (CNAME) that ends at {owner}. Its mail goes where that of {owner} goes; its SPF \
                 record is that of {owner} as well."
            ),
        )
        .evidence(Evidence::quoting(&mx.evidence, format!("{domain}. CNAME {}.", mx.aliases[0])))
        .remedy(Remedy::step(format!(
            "Leave it if that is meant. To give {domain} mail of its own, replace the CNAME by address and MX \
             records: a name with a CNAME can have no others."
        ))),
    );
}

/// A top-level domain or a reverse zone, which is no place for mailboxes.
fn infrastructure_kind(domain: &str) -> Option<&'static str> {
    if domain.ends_with(".in-addr.arpa") || domain.ends_with(".ip6.arpa") {
        Some("a reverse zone")
    } else if !domain.contains('.') {
        Some("a top-level domain")
    } else {
        None
    }
}

fn infrastructure(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    let domain = &facts.domain;
    let Some(kind) = infrastructure_kind(domain) else { return };
    let finding = if mx.records.iter().all(MxRecord::is_null) {
        Finding::new(
            INFRASTRUCTURE_DOMAIN,
            subject(facts),
            format!("{domain} is {kind} and names no mail exchanger, as is usual."),
        )
        .severity(Severity::Info)
    } else {
        Finding::new(
            INFRASTRUCTURE_DOMAIN,
            subject(facts),
            format!(
                "{domain} is {kind} and has MX records. Much mail software takes no address such as user@{domain}."
            ),
        )
        .remedy(Remedy::step("Use addresses below an ordinary domain, and take the MX records away."))
    };
    out.find(finding.evidence(Evidence::of(&mx.evidence)));
}

fn no_mx(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    let domain = &facts.domain;
    if infrastructure_kind(domain).is_some() {
        return;
    }
    if facts.own.addresses().next().is_some() {
        implicit(facts, mx, out);
        return;
    }
    if let Some(cause) = facts.own.gap() {
        out.unknown(Unknown::new(
            subject(facts),
            format!("whether {domain}, which has no MX record, has an address that stands in for one"),
            cause.clone(),
        ));
        return;
    }
    let mut finding = Finding::new(
        MISSING,
        subject(facts),
        format!(
            "{domain} exists but has no MX record, and no address that could stand in for one. Senders give up at once."
        ),
    )
    .evidence(Evidence::of(&mx.evidence));
    for answer in facts.own.answers() {
        finding = finding.evidence(Evidence::of(&answer.evidence));
    }
    out.find(finding.remedy(Remedy::step(format!(
        "{}Publish an MX record with the host name of each mail server; the mail provider says which. If the domain is \
         to take no mail, publish the null MX instead: {domain}. MX 0 .",
        instead_of_alias(facts)
    ))));
}

/// What must come first where the domain is an alias: its CNAME record can
/// have no others beside it, and the name at its end may be anybody's.
fn instead_of_alias(facts: &Facts) -> String {
    if facts.owner() == facts.domain {
        String::new()
    } else {
        format!("Replace the CNAME record of {} by address records, then: ", facts.domain)
    }
}

/// RFC 5321 §5.1: without MX records the domain's own address is the exchange.
fn implicit(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    let (domain, owner) = (&facts.domain, facts.owner());
    let addresses: Vec<String> = facts.own.addresses().map(|address| address.ip.to_string()).collect();
    let mut finding = Finding::new(
        IMPLICIT,
        subject(facts),
        format!(
            "{domain} has no MX record, so senders deliver to its own address, {}. Mail arrives only if a mail server \
             listens there.",
            list(&addresses)
        ),
    )
    .evidence(Evidence::of(&mx.evidence));
    for (answer, address) in facts.own.answers().flat_map(|answer| answer.records.iter().map(move |a| (answer, a))) {
        finding = finding.evidence(Evidence::quoting(&answer.evidence, &address.text));
    }
    let dead = reach(&facts.own) == Reach::Dead;
    let step = format!(
        "{}Publish an MX record that names the mail server's host. If the domain takes no mail, publish the null MX \
         instead: {domain}. MX 0 .",
        instead_of_alias(facts)
    );
    out.find(finding.remedy(if dead || owner != domain {
        Remedy::step(&step)
    } else {
        Remedy::step(format!(
            "If the mail server runs at that address, say so with this record, which changes nothing else. If it runs \
             elsewhere, name that host instead; if the domain takes no mail, publish the null MX: {domain}. MX 0 ."
        ))
        .publish(domain, "MX", format!("10 {domain}."))
    }));
    // The addresses need not be there for mail, so they are not the records to change.
    let severity = if dead { Severity::Critical } else { Severity::Warning };
    addresses::not_public(owner, &facts.own, severity, Some(step), out);
    if let Some(cause) = facts.own.gap() {
        out.unknown(Unknown::new(subject(facts), format!("whether {domain} has further addresses"), cause.clone()));
    }
}

/// RFC 7505 §3: alone, and with preference 0.
fn null(facts: &Facts, mx: &Answer<MxRecord>, out: &mut Judgement) {
    let domain = &facts.domain;
    let (nulls, others): (Vec<&MxRecord>, Vec<&MxRecord>) = mx.records.iter().partition(|record| record.is_null());
    let Some(first) = nulls.first() else { return };
    if others.is_empty() {
        out.find(
            Finding::new(
                NULL,
                subject(facts),
                format!(
                    "{domain} declares with a null MX that it takes no mail. Senders refuse every message to \
                     it at once."
                ),
            )
            .evidence(first.at_exchange(&mx.evidence, "no mail")),
        );
    } else {
        let mut finding = Finding::new(
            NULL_CONTRADICTED,
            subject(facts),
            format!(
                "{domain} says with a null MX that it takes no mail, and names exchanges beside it. Some senders \
                 refuse the mail, others deliver it."
            ),
        )
        .evidence(first.at_exchange(&mx.evidence, "no mail"));
        for record in &others {
            finding = finding.evidence(record.at_exchange(&mx.evidence, "an exchange all the same"));
        }
        let mut remedy = Remedy::step(
            "If the domain takes mail, take the null MX away; if it takes none, take all the others away instead.",
        );
        for null in &nulls {
            remedy = remedy.withdraw(facts.owner(), "MX", null.value());
        }
        out.find(finding.remedy(remedy.once_old_copies_expire(first.ttl)));
    }
    for record in nulls.iter().filter(|record| record.preference != 0) {
        out.find(
            Finding::new(
                NULL_PREFERENCE,
                subject(facts),
                format!("The null MX of {domain} has preference {}; the standard fixes it at 0.", record.preference),
            )
            .evidence(record.at_preference(&mx.evidence, "must be 0"))
            .remedy(
                Remedy::step("Publish the null MX with preference 0.")
                    .withdraw(facts.owner(), "MX", record.value())
                    .publish(facts.owner(), "MX", "0 .")
                    .once_old_copies_expire(record.ttl),
            ),
        );
    }
}
