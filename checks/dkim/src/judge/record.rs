//! What stands at a selector, and what is wrong with the way it is written.

use engine_plugin_api::{Finding, Judgement, Remedy, Severity};
use mail_syntax::{
    Span,
    dkim::{DerFault, Issue, IssueKind, KeyRecord, KeyState, RsaKey, is_meant_as_key, repaired},
    tag_list,
};

use super::{Published, words};
use crate::{
    BASE64, GRANULARITY, HASH, KEY_BARE, KEY_MISSING, KEY_TRUNCATED, KEY_TYPE, KEY_UNREADABLE, KEY_UNSAFE,
    MULTIPLE_RECORDS, NOT_A_KEY, PEM, PRIVATE_KEY, QUOTED, RECORD_SPLIT, SERVICE, SYNTAX, TAG_DUPLICATE, TAG_UNKNOWN,
    VERSION, VERSION_MISSING,
    facts::{Facts, Origin, Selector},
};

/// Judges the records of a selector; gives the one that counts, where there is one.
pub fn judge<'f>(facts: &Facts, selector: &'f Selector, out: &mut Judgement) -> Option<Published<'f>> {
    let answer = selector.answer.known()?;
    let meant: Vec<&'f str> = answer.texts.iter().map(String::as_str).filter(|text| is_meant_as_key(text)).collect();
    if let Some(whole) = split(&answer.texts) {
        record_split(facts, selector, &answer.texts, whole, out);
        return None;
    }
    let text = match meant.as_slice() {
        [] => {
            if let (Some(text), Origin::Known) = (answer.texts.first(), selector.origin) {
                not_a_key(facts, selector, text, out);
            }
            return None;
        }
        [one] if answer.texts.len() == 1 => *one,
        several => {
            multiple(facts, selector, several, &answer.texts, out);
            return None;
        }
    };
    let record = KeyRecord::parse(text);
    for issue in told_of(&record) {
        out.find(issue_finding(facts, selector, text, &record, issue));
    }
    Some(Published { selector, text, record })
}

/// The issues that are told: one of each code, and of what is only a
/// consequence of another, none.
fn told_of(record: &KeyRecord) -> Vec<&Issue> {
    let secret = record.issues.iter().find(|issue| issue.kind == IssueKind::PrivateKey);
    if let Some(secret) = secret {
        return vec![secret];
    }
    let mut told: Vec<&Issue> = Vec::new();
    for issue in &record.issues {
        if !told.iter().any(|before| code_of(&before.kind) == code_of(&issue.kind)) {
            told.push(issue);
        }
    }
    told
}

fn code_of(kind: &IssueKind) -> &'static str {
    match kind {
        IssueKind::List(tag_list::IssueKind::Duplicate { .. }) => TAG_DUPLICATE,
        IssueKind::List(_) | IssueKind::Separator(_) => SYNTAX,
        IssueKind::Quoted | IssueKind::Backslash => QUOTED,
        IssueKind::Armour => PEM,
        IssueKind::PrivateKey => PRIVATE_KEY,
        IssueKind::Version | IssueKind::VersionNotFirst => VERSION,
        IssueKind::VersionMissing => VERSION_MISSING,
        IssueKind::KeyMissing => KEY_MISSING,
        IssueKind::Base64 | IssueKind::Padding => BASE64,
        IssueKind::Der(DerFault::CutOff { .. }) => KEY_TRUNCATED,
        IssueKind::Der(_) | IssueKind::WrappedEd25519 | IssueKind::TypeMismatch | IssueKind::TrailingBytes(_) => {
            KEY_UNREADABLE
        }
        IssueKind::BareRsa => KEY_BARE,
        IssueKind::Unsafe => KEY_UNSAFE,
        IssueKind::KeyType => KEY_TYPE,
        IssueKind::UnknownTag | IssueKind::UnknownFlag => TAG_UNKNOWN,
        IssueKind::Hashes => HASH,
        IssueKind::Services => SERVICE,
        IssueKind::Granularity => GRANULARITY,
    }
}

fn issue_finding(facts: &Facts, selector: &Selector, text: &str, record: &KeyRecord, issue: &Issue) -> Finding {
    let whose = words::whose(selector);
    let consequence =
        if issue.kind.is_fatal() { "Receivers find no key that they can use." } else { "Most receivers overlook it." };
    let fault = match &issue.kind {
        IssueKind::UnknownTag
        | IssueKind::UnknownFlag
        | IssueKind::KeyType
        | IssueKind::Hashes
        | IssueKind::Services => {
            format!("`{}`: {}", issue.span.of(text), issue.kind)
        }
        kind => kind.to_string(),
    };
    let seen = match &issue.kind {
        IssueKind::PrivateKey => format!(
            "{} publishes a private key: whoever reads it can sign as {}.",
            selector.key_name(),
            selector.domain
        ),
        _ => format!("In {whose}: {fault}. {consequence}"),
    };
    let mut finding = words::finding(facts, selector, code_of(&issue.kind), seen)
        .evidence(words::at(selector, text, shown(issue, text), issue.kind.to_string()))
        .remedy(remedy(selector, text, record, issue));
    let only_tls_reports = issue.kind == IssueKind::Services
        && record.services.as_ref().is_some_and(|services| services.iter().any(|service| service == "tlsrpt"));
    if only_tls_reports && selector.origin == Origin::Guessed {
        finding = finding.severity(Severity::Info);
    } else if !issue.kind.is_fatal() && matches!(code_of(&issue.kind), SYNTAX | BASE64 | KEY_UNREADABLE) {
        finding = finding.severity(Severity::Notice);
    }
    finding
}

/// The span to point at; that of the whole text is of no use.
fn shown(issue: &Issue, text: &str) -> Span {
    let first = text.find(';').unwrap_or(text.len());
    if issue.kind == IssueKind::KeyMissing { Span::new(0, first) } else { issue.span }
}

fn remedy(selector: &Selector, text: &str, record: &KeyRecord, issue: &Issue) -> Remedy {
    let meant = || repaired(text);
    let corrected = |step: &str| words::replace(selector, step, text, meant());
    match &issue.kind {
        IssueKind::PrivateKey => Remedy::step(format!(
            "Take the record away at once and never use that key again. {}",
            words::new_key(selector)
        ))
        .withdraw(selector.home(), "TXT", text)
        .once_old_copies_expire(words::ttl(selector)),
        IssueKind::Quoted | IssueKind::Backslash => {
            corrected("Enter the text without quotation marks and backslashes; the DNS host adds what its zone needs.")
        }
        IssueKind::Armour => corrected("Leave the BEGIN and END lines out; `p=` holds what stands between them."),
        IssueKind::Separator(_) | IssueKind::List(_) | IssueKind::Version | IssueKind::VersionNotFirst => {
            corrected("Write the tags as `name=value`, parted by `;`, each once, `v=DKIM1` first.")
        }
        IssueKind::VersionMissing => corrected("Begin the record with `v=DKIM1;`."),
        IssueKind::KeyMissing => Remedy::step("Add `p=` with the public key that the signer shows."),
        IssueKind::Base64 | IssueKind::Padding => match meant() {
            Some(_) => corrected("Write the key as the signer shows it, with its `=` at the end."),
            None => Remedy::step(
                "Copy the public key again from the signer; it holds letters, digits, `+`, `/` and `=` only.",
            ),
        },
        IssueKind::Der(DerFault::CutOff { .. }) => Remedy::step(
            "Copy the whole key again. Where the DNS host takes 255 characters at most for a string, enter it as several \
             strings of one record: they are joined without a space.",
        ),
        IssueKind::Der(DerFault::Certificate) => {
            Remedy::step("Publish the public key alone: `openssl x509 -in CERTIFICATE -noout -pubkey`.")
        }
        IssueKind::Der(_) => Remedy::step(words::new_key(selector)),
        IssueKind::WrappedEd25519 => {
            corrected("Publish the 32 bytes of the key alone: the last 44 characters of its base64 form, made anew.")
        }
        IssueKind::TypeMismatch => corrected("Let `k=` name the type that the key has."),
        IssueKind::TrailingBytes(_) => corrected("Publish the key without what follows it."),
        IssueKind::BareRsa => corrected("Publish the same key in its usual form, a SubjectPublicKeyInfo."),
        IssueKind::Unsafe => Remedy::step(words::new_key(selector)),
        IssueKind::KeyType => {
            Remedy::step("Sign with RSA (`k=rsa`), and beside it with Ed25519 (`k=ed25519`) if wished.")
        }
        IssueKind::UnknownTag | IssueKind::UnknownFlag => corrected("Take it out, or correct its name."),
        IssueKind::Granularity => corrected("Take `g=` out."),
        IssueKind::Hashes => {
            let right = KeyRecord { hashes: None, ..record.clone() };
            let text_of = readable(&right).then(|| right.to_string());
            words::replace(selector, "Take `h=` out, and let the signer use `a=rsa-sha256`.", text, text_of)
        }
        IssueKind::Services => {
            let right = KeyRecord { services: None, ..record.clone() };
            let text_of = readable(&right).then(|| right.to_string());
            words::replace(selector, "Take `s=` out if mail is signed with this key.", text, text_of)
        }
    }
}

fn readable(record: &KeyRecord) -> bool {
    matches!(record.key, KeyState::Rsa(RsaKey { .. }) | KeyState::Ed25519(_))
}

fn not_a_key(facts: &Facts, selector: &Selector, text: &str, out: &mut Judgement) {
    let seen = format!("At {} stands a text that is no DKIM key.", selector.key_name());
    let step = "Publish the public key that the signer shows for this selector as a TXT record at this name.";
    out.find(
        words::finding(facts, selector, NOT_A_KEY, seen)
            .evidence(words::quote(selector, text))
            .remedy(Remedy::step(step)),
    );
}

/// More than one TXT record, of which those in `keys` are meant as keys: a
/// verifier takes whatever comes first for the key (RFC 6376 §3.6.2.2).
fn multiple(facts: &Facts, selector: &Selector, keys: &[&str], texts: &[String], out: &mut Judgement) {
    let what = match (keys.len(), texts.len() - keys.len()) {
        (keys, 0) => format!("{keys} key records"),
        (1, 1) => "a key record and another text".to_owned(),
        (1, others) => format!("a key record and {others} other texts"),
        (keys, 1) => format!("{keys} key records and another text"),
        (keys, others) => format!("{keys} key records and {others} other texts"),
    };
    let seen = format!(
        "{} has {what}. What receivers do then is not defined: some take the first that comes, some none.",
        selector.key_name(),
    );
    let sound: Vec<&&str> = keys
        .iter()
        .filter(|text| {
            let record = KeyRecord::parse(text);
            !record.is_broken() && readable(&record)
        })
        .collect();
    let mut remedy = Remedy::step(match keys.len() {
        1 => "Take away what is no key: only the key record may stand at this name.",
        _ => "Keep the record whose key the signer has now, and take the others away. A new key gets a new selector.",
    });
    // With one that can be used, the other keys can go; what is none can in any case.
    for text in texts {
        let is_key = keys.contains(&text.as_str());
        if !is_key || matches!(sound.as_slice(), [keep] if **keep != text.as_str()) {
            remedy = remedy.withdraw(selector.home(), "TXT", text.as_str());
        }
    }
    let finding = words::finding(facts, selector, MULTIPLE_RECORDS, seen);
    let finding = texts.iter().take(3).fold(finding, |finding, text| finding.evidence(words::quote(selector, text)));
    out.find(finding.remedy(remedy.once_old_copies_expire(words::ttl(selector))));
}

/// The record whose parts were published as records of their own.
fn split(texts: &[String]) -> Option<String> {
    const MOST: usize = 4;
    let (heads, tails): (Vec<&String>, Vec<&String>) = texts.iter().partition(|text| is_meant_as_key(text));
    let ([head], true) = (heads.as_slice(), (1..MOST).contains(&tails.len())) else { return None };
    let is_base64 = |text: &&String| {
        text.len() > 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b' '))
    };
    let cut = |record: &KeyRecord| {
        record.issues.iter().any(|issue| {
            matches!(issue.kind, IssueKind::Base64 | IssueKind::Padding | IssueKind::Der(DerFault::CutOff { .. }))
        })
    };
    if !tails.iter().all(is_base64) || !cut(&KeyRecord::parse(head)) {
        return None;
    }
    orders(&tails).into_iter().map(|order| format!("{head}{order}")).find(|whole| {
        let record = KeyRecord::parse(whole);
        !record.is_broken()
            && readable(&record)
            && record.issues.iter().all(|i| !matches!(i.kind, IssueKind::TrailingBytes(_)))
    })
}

/// The texts joined in each order: six of them for three.
fn orders(texts: &[&String]) -> Vec<String> {
    if texts.len() <= 1 {
        return vec![texts.iter().map(|text| text.as_str()).collect()];
    }
    let mut all = Vec::new();
    for (at, first) in texts.iter().enumerate() {
        let rest: Vec<&String> = texts.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, text)| *text).collect();
        all.extend(orders(&rest).into_iter().map(|rest| format!("{first}{rest}")));
    }
    all
}

fn record_split(facts: &Facts, selector: &Selector, texts: &[String], whole: String, out: &mut Judgement) {
    let seen = format!(
        "The key of {} stands in {} records. They are parts of one, which receivers do not put together.",
        selector.key_name(),
        texts.len()
    );
    let mut remedy = Remedy::step(
        "Publish one TXT record with the whole text; where the DNS host wants strings of 255 characters at \
                      most, as several strings of that one record.",
    );
    for text in texts {
        remedy = remedy.withdraw(selector.home(), "TXT", text);
    }
    remedy = remedy.publish(selector.home(), "TXT", whole);
    let finding = words::finding(facts, selector, RECORD_SPLIT, seen);
    let finding = texts.iter().fold(finding, |finding, text| finding.evidence(words::quote(selector, text)));
    out.find(finding.remedy(remedy.once_old_copies_expire(words::ttl(selector))));
}
