//! Whether the domain's own mail can pass, and what would become of it under a
//! stricter policy.

use engine_plugin_api::{Evidence, Judgement, Remedy, Severity};
use mail_syntax::{
    dmarc::{AlignmentMode, Found, Policy, Rules, TagName},
    spf,
};

use super::{repair::Repair, words};
use crate::{
    ALIGNMENT_STRICT, POLICY_NONE, SPF_ONLY, UNAUTHENTICATED,
    facts::{Facts, Spf},
};

/// Services that, unless told otherwise, send with an envelope sender of their own,
/// by what they have customers put into SPF records; from their own set-up pages.
/// What they send passes DMARC by a signature of the customer's domain only.
const OWN_ENVELOPE: &[&str] = &[
    "_spf.createsend.com",
    "_spf.salesforce.com",
    "amazonses.com",
    "cust-spf.exacttarget.com",
    "email.freshdesk.com",
    "helpscoutemail.com",
    "mail.zendesk.com",
    "mailgun.org",
    "mktomail.com",
    "sendgrid.net",
    "servers.mcsv.net",
    "shops.shopify.com",
    "spf.constantcontact.com",
    "spf.mailjet.com",
    "spf.mandrillapp.com",
    "spf.mtasv.net",
    "spf.sendinblue.com",
    "spf.sparkpostmail.com",
];

pub fn judge(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    if found.record.disabling(Rules::Rfc9989).is_some() || facts.is_parked() {
        return;
    }
    let strictest = Rules::BOTH.into_iter().filter_map(|rules| facts.requested(rules)).map(|r| r.policy).max();
    match strictest {
        Some(Policy::None) => policy_none(facts, found, out),
        Some(policy) => enforced(facts, found, policy, out),
        None => {}
    }
    strict(facts, found, repair, out);
}

/// Under a policy that bites: can anything pass, and does it survive forwarding?
fn enforced(facts: &Facts, found: &Found, policy: Policy, out: &mut Judgement) {
    if !facts.takes_mail() || facts.has_no_keys() != Some(true) {
        return;
    }
    let evidence = || words::at_tag(facts, found, TagName::Policy, format!("receivers {}", words::wish(policy)));
    let keys = Evidence::of(&facts.keys.evidence);
    let texts = Evidence::of(&facts.texts.evidence);
    let what = match facts.spf() {
        Spf::None => "it has no SPF record",
        Spf::Broken => "its SPF record ends in `permerror`",
        Spf::Closed => "its SPF record authorises nobody",
        Spf::Open => {
            let said = format!(
                "Mail of {} can pass DMARC by SPF only: no DKIM key stands below _domainkey.{0}. What is forwarded, or \
                 goes through a mailing list, then fails, and `p={policy}` asks receivers to {}.",
                facts.domain,
                words::wish(policy)
            );
            let step = format!(
                "Sign your mail with DKIM as {} (or a name below it) at every server and service that sends; until then \
                 `p=none` loses no mail.",
                facts.domain
            );
            let finding = words::finding(facts, SPF_ONLY, said).evidence(evidence()).evidence(keys);
            out.find(finding.remedy(Remedy::step(step)));
            return;
        }
        Spf::Unknown => return,
    };
    let said = format!(
        "{} takes mail and asks receivers to {} what does not pass, but nothing is seen by which its own mail could: {what}, \
         and no DKIM key stands below _domainkey.{0}.",
        facts.domain,
        match policy {
            Policy::Reject => "refuse",
            _ => "treat as suspicious",
        }
    );
    let step = "Publish an SPF record that names your servers, and sign with DKIM; until then set `p=none`. If nothing sends \
                as the domain, say so with `v=spf1 -all`.";
    let step = if facts.spf() == Spf::Closed {
        "If mail is sent as the domain, authorise its servers in the SPF record, or sign with DKIM; if none is, there is \
         nothing to do."
    } else {
        step
    };
    let finding = words::finding(facts, UNAUTHENTICATED, said).evidence(evidence()).evidence(texts).evidence(keys);
    let finding = if facts.spf() == Spf::Closed { finding.severity(Severity::Notice) } else { finding };
    out.find(finding.remedy(Remedy::step(step)));
}

/// `p=none`: what stands in the way of more.
fn policy_none(facts: &Facts, found: &Found, out: &mut Judgement) {
    let reports = found.record.aggregate_reports.valid().is_some_and(|uris| !uris.is_empty());
    let mut breaks: Vec<String> = Vec::new();
    match facts.spf() {
        Spf::None => breaks.push("nothing passes by SPF, since there is no SPF record".to_owned()),
        Spf::Broken => breaks.push("nothing passes by SPF, since its record ends in `permerror`".to_owned()),
        Spf::Closed => breaks.push("nothing passes by SPF, since its record authorises nobody".to_owned()),
        Spf::Open | Spf::Unknown => {}
    }
    if facts.has_no_keys() == Some(true) {
        breaks.push(format!(
            "nothing passes by DKIM, since no key stands below _domainkey.{}; forwarded mail then fails",
            facts.domain
        ));
    }
    let services = own_envelopes(facts);
    if !services.is_empty() {
        breaks.push(format!(
            "what is sent through {} passes only when the service signs as {} or uses an envelope sender of it",
            words::list(&services),
            facts.domain
        ));
    }
    for (mode, name) in [(found.record.spf_mode(), "aspf"), (found.record.dkim_mode(), "adkim")] {
        if mode == AlignmentMode::Strict {
            breaks.push(format!("mail authenticated as a name below or above {} fails, by `{name}=s`", facts.domain));
        }
    }
    let advice = match breaks.as_slice() {
        [] => " Nothing seen in the DNS speaks against a stricter one; the reports have the last word.".to_owned(),
        breaks => format!(" Under `reject`: {}.", breaks.join("; ")),
    };
    let said = format!(
        "The policy for {} is `none`: mail that forges it is treated as if there were no DMARC.{advice}",
        facts.domain
    );
    let tag = if found.domain == facts.domain || found.record.tag(TagName::SubdomainPolicy).is_none() {
        TagName::Policy
    } else {
        TagName::SubdomainPolicy
    };
    let evidence = words::at_tag(facts, found, tag, "nothing is asked of receivers");
    let step = match (reports, breaks.is_empty()) {
        (false, _) => {
            "Ask for reports first (`rua`); when they show for some weeks that your mail passes, publish `p=quarantine`, \
                       then `p=reject`."
        }
        (true, true) => {
            "Read the reports of some weeks. When all that you send passes, publish `p=quarantine`, then `p=reject`; with \
             `t=y` beside it, newer receivers apply the next milder policy."
        }
        (true, false) => {
            "Put right first what is named; when the reports of some weeks show that your mail passes, publish \
             `p=quarantine`, then `p=reject`."
        }
    };
    let finding = words::finding(facts, POLICY_NONE, said).evidence(evidence).remedy(Remedy::step(step));
    out.find(if reports { finding } else { finding.severity(Severity::Warning) });
}

/// The services of the SPF record that send with envelope senders of their own.
fn own_envelopes(facts: &Facts) -> Vec<String> {
    let records = spf::select(&facts.texts.joined()).records;
    let [one] = records.as_slice() else { return Vec::new() };
    let record = spf::parse(&one.text);
    let included = record.directives().filter_map(|(_, directive)| match &directive.mechanism {
        spf::Mechanism::Include(target) => Some(target.to_string().to_ascii_lowercase()),
        _ => None,
    });
    included.filter(|name| OWN_ENVELOPE.contains(&name.trim_end_matches('.'))).collect()
}

/// Strict alignment: right for some, a surprise for most.
fn strict(facts: &Facts, found: &Found, _repair: &mut Repair, out: &mut Judgement) {
    let modes = [
        (found.record.spf_mode(), TagName::SpfAlignment, "an envelope sender"),
        (found.record.dkim_mode(), TagName::DkimAlignment, "a signature"),
    ];
    let set: Vec<_> = modes.into_iter().filter(|(mode, ..)| *mode == AlignmentMode::Strict).collect();
    let [(_, first, _), ..] = set.as_slice() else { return };
    let what: Vec<&str> = set.iter().map(|(.., what)| *what).collect();
    let said = format!(
        "{} of {} counts only where it names the very domain in the From line, not one below or above it.",
        capital(&what.join(" and ")),
        found.domain
    );
    let finding = words::about(found, ALIGNMENT_STRICT, said).evidence(words::at_tag(facts, found, *first, "strict"));
    out.find(finding);
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
