//! The records themselves: can authorities read them?

use engine_plugin_api::{Confidence, Finding, Judgement, Remedy, Span, Subject};
use mail_syntax::caa;

use super::{at_value, is_registrys, quote};
use crate::{
    CRITICAL_UNKNOWN, FLAGS, IODEF_INVALID, ISSUER_UNKNOWN, SYNTAX, TAG_UNKNOWN, authorities,
    facts::{CRITICAL, Facts, Property, Set, TAGS},
};

pub fn judge(facts: &Facts, at: &str, set: &Set, out: &mut Judgement) {
    let first = out.findings.len();
    for property in &set.properties {
        match property.tag.as_str() {
            "" => unreadable(at, set, property, out),
            "issue" | "issuewild" | "issuemail" | "issuevmc" => issue(at, set, property, out),
            "iodef" => iodef(at, set, property, out),
            tag if TAGS.contains(&tag) => {}
            tag => unknown(at, set, property, tag, out),
        }
        if property.flags & !CRITICAL != 0 {
            flags(at, set, property, out);
        }
    }
    for finding in out.findings.iter_mut().skip(first) {
        if is_registrys(at) {
            finding.remedy = Some(Remedy::step(format!(
                "{at} is a public suffix: ask whoever runs it to mend the record, or publish CAA records of your own at {}, \
                 which take the place of all of its.",
                facts.domain
            )));
        } else if set.home != at
            && let Some(remedy) = &mut finding.remedy
        {
            remedy.step.push_str(&format!(" The records stand at {}, of which {at} is an alias.", set.home));
        }
    }
}

fn subject(at: &str) -> Subject {
    Subject::Domain(at.to_owned())
}

fn unreadable(at: &str, set: &Set, property: &Property, out: &mut Judgement) {
    let seen = format!("A CAA record of {at} has data that no authority can read.");
    let remedy = Remedy::step("Take the record away, or write it as `0 issue \"AUTHORITY\"`.").withdraw(
        &set.home,
        "CAA",
        &property.text,
    );
    out.find(Finding::new(SYNTAX, subject(at), seen).evidence(quote(set, property)).remedy(remedy));
}

fn issue(at: &str, set: &Set, property: &Property, out: &mut Judgement) {
    let value = caa::Issue::parse(&property.value);
    if let Some((span, fault)) = value.faults.first() {
        let seen = format!(
            "A CAA record of {at} (`{}`) cannot be read: {fault}. Authorities take it for one that lets nobody issue.",
            property.tag
        );
        let remedy = Remedy::step(
            "Write the authority's CAA name alone, without `https://` and quotation marks, one authority a record.",
        )
        .withdraw(&set.home, "CAA", &property.text);
        let remedy = match host_of(&property.value) {
            Some(host) => remedy.publish(&set.home, "CAA", format!("{} {} \"{host}\"", property.flags, property.tag)),
            None => remedy,
        };
        out.find(
            Finding::new(SYNTAX, subject(at), seen)
                .evidence(at_value(set, property, Some(*span), fault.to_string()))
                .remedy(remedy),
        );
        return;
    }
    let Some((issuer, meant)) =
        value.issuer.as_deref().and_then(|issuer| Some((issuer, authorities::meant_by(issuer)?)))
    else {
        return;
    };
    let seen = format!(
        "The CAA record `{}` of {at} names `{issuer}`, by which no known authority issues; `{meant}` is one.",
        property.text
    );
    let end = issuer.len();
    let right = caa::Issue { issuer: Some(meant.to_owned()), ..value.clone() };
    out.find(
        Finding::new(ISSUER_UNKNOWN, subject(at), seen)
            .confidence(Confidence::Medium)
            .evidence(at_value(set, property, Some(mail_syntax::Span::new(0, end)), format!("`{meant}`?")))
            .remedy(
                Remedy::step(format!("Write `{meant}`, if that authority is meant."))
                    .withdraw(&set.home, "CAA", &property.text)
                    .publish(&set.home, "CAA", format!("{} {} \"{right}\"", property.flags, property.tag)),
            ),
    );
}

/// The host in a value that was written as a URL or in quotation marks.
fn host_of(value: &str) -> Option<String> {
    let bare = value.trim_matches(['"', '\'', ' ']);
    let bare = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://")).unwrap_or(bare);
    let host = bare.split('/').next()?.trim_start_matches("www.").trim_end_matches('.');
    let read = caa::Issue::parse(host);
    (host.contains('.') && read.parameters.is_empty()).then(|| read.allows().map(str::to_owned)).flatten()
}

fn iodef(at: &str, set: &Set, property: &Property, out: &mut Judgement) {
    let Some((_, fault)) = caa::report_fault(&property.value) else { return };
    let seen = format!("The address for reports in a CAA record of {at} is {fault}.");
    let remedy = Remedy::step("Write it as a URL.").withdraw(&set.home, "CAA", &property.text);
    let remedy = match property.value.contains('@') && !property.value.contains([' ', ':']) {
        true => remedy.publish(&set.home, "CAA", format!("0 iodef \"mailto:{}\"", property.value)),
        false => remedy,
    };
    out.find(
        Finding::new(IODEF_INVALID, subject(at), seen)
            .evidence(at_value(set, property, None, fault.to_string()))
            .remedy(remedy),
    );
}

fn tag_span(property: &Property) -> Span {
    let start = property.text.find(' ').map_or(0, |space| space + 1);
    let end = property.text[start..].find(' ').map_or(property.text.len(), |space| start + space);
    Span::new(start, end)
}

fn unknown(at: &str, set: &Set, property: &Property, tag: &str, out: &mut Judgement) {
    let meant = TAGS.iter().find(|known| strsim::damerau_levenshtein(known, tag) <= 2 || tag.starts_with(**known));
    let hint = meant.map(|meant| format!(" `{meant}` may be meant.")).unwrap_or_default();
    let (code, consequence) = if property.flags & CRITICAL != 0 {
        (CRITICAL_UNKNOWN, "It is marked critical, so that authorities that do not know it must not issue at all.")
    } else {
        (TAG_UNKNOWN, "Authorities ignore it.")
    };
    let seen = format!(
        "The CAA record `{}` of {at} has the property `{tag}`, which is not registered. {consequence}{hint}",
        property.text
    );
    let becomes = meant.map(|meant| restriction(set, meant, &property.value)).unwrap_or_default();
    let remedy = Remedy::step(format!("Correct the property's name, or take the record away.{becomes}")).withdraw(
        &set.home,
        "CAA",
        &property.text,
    );
    let remedy = match meant {
        Some(meant) => remedy.publish(&set.home, "CAA", format!("0 {meant} \"{}\"", property.value)),
        None => remedy,
    };
    let label = "no registered property";
    out.find(
        Finding::new(code, subject(at), seen)
            .evidence(quote(set, property).at(tag_span(property), label))
            .remedy(remedy),
    );
}

/// What a record begins to restrict when its property gets the right name, as a sentence.
fn restriction(set: &Set, tag: &str, value: &str) -> String {
    let kind = match tag {
        "issue" => "certificates",
        "issuewild" => "wildcard certificates",
        "issuemail" => "S/MIME certificates",
        "issuevmc" => "mark certificates",
        _ => return String::new(),
    };
    let value = caa::Issue::parse(value);
    let more = set.properties.iter().any(|property| property.tag == tag);
    match value.allows() {
        Some(issuer) if more => format!(" With the right name it lets `{issuer}` issue {kind} too."),
        Some(issuer) => format!(
            " With the right name it begins to restrict: only `{issuer}` may issue {kind} then. Make sure that those in use \
             come from it."
        ),
        None if more => String::new(),
        None => format!(" With the right name it begins to restrict: nobody may issue {kind} then."),
    }
}

fn flags(at: &str, set: &Set, property: &Property, out: &mut Judgement) {
    let seen = format!(
        "The CAA record `{}` of {at} has the flags {}; only 0 and 128 (critical) have a meaning. {}",
        property.text,
        property.flags,
        if property.flags == 1 {
            "Bit 0 counts from the left: critical is 128."
        } else {
            "Authorities ignore the others."
        }
    );
    let end = property.text.find(' ').unwrap_or(0);
    let critical = property.flags & CRITICAL;
    let rest = property.text.get(end..).unwrap_or_default();
    out.find(
        Finding::new(FLAGS, subject(at), seen).evidence(quote(set, property).at(Span::new(0, end), "0 or 128")).remedy(
            Remedy::step("Write 0, or 128 where authorities that do not know the property shall not issue.")
                .withdraw(&set.home, "CAA", &property.text)
                .publish(&set.home, "CAA", format!("{critical}{rest}")),
        ),
    );
}
