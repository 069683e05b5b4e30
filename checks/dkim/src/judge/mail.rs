//! The signatures of a message: do they hold, for whom, and why not.

use dkim_verify::{BodyChange, BodyResult, Fault, HeaderChange, HeaderResult, MOST_FIELDS};
use engine_plugin_api::{
    Actor, Cause, CauseKind, Evidence, EvidenceId, Finding, Judgement, Remedy, Severity, Span, Subject, Unknown,
};
use mail_syntax::dkim::{Algorithm, Flag, KeyState, SignatureIssueKind};

use super::{Published, alignment, strength};
use crate::{
    BODY_CHANGED, EXPIRED, FROM_SEVERAL, FROM_UNSIGNED, HEADER_CHANGED, HEADERS_UNSIGNED, KEY_MISMATCH, SHA1,
    SIGNATURE_LENGTH, SIGNATURE_SYNTAX, UNSIGNED, VALID,
    facts::{Facts, MailFacts, SignatureFacts},
};

pub fn judge(facts: &Facts, keys: &[Published<'_>], out: &mut Judgement) {
    let Some(mail) = &facts.mail else { return };
    if let Some(fault) = &mail.fault {
        let what = "whether the message is signed, and whether its signatures hold";
        let unknown = Unknown::new(Subject::Domain(facts.domain.clone()), what, unverified(fault));
        out.unknown(unknown.advice("give the message as it was received, without converting it"));
        return;
    }
    if mail.from_fields > 1 {
        from_several(facts, mail, out);
    }
    if mail.signatures.is_empty() {
        unsigned(facts, out);
        return;
    }
    if mail.left_out > 0 {
        let what = format!("whether {} more signatures of the message hold", mail.left_out);
        let cause = Cause::new(CauseKind::Denied, format!("the first {} are looked at", mail.signatures.len()));
        out.unknown(Unknown::new(Subject::Domain(facts.domain.clone()), what, cause));
    }
    let fates: Vec<Fate> = mail.signatures.iter().map(|one| fate(facts, mail, keys, one)).collect();
    let aligned = alignment::judge(mail, &fates, out);
    let one_click = mail
        .signatures
        .iter()
        .zip(&fates)
        .any(|(one, fate)| *fate == Fate::Passes && ONE_CLICK.iter().all(|name| one.signature.signs(name)));
    for (one, fate) in mail.signatures.iter().zip(&fates) {
        let mut found = Judgement::default();
        signature(mail, keys, one, *fate, one_click, &mut found);
        for finding in found.findings {
            // One that passes for the author's domain is enough.
            let spared = aligned && finding.severity.is_none() && *fate != Fate::Passes;
            out.find(if spared { finding.severity(Severity::Notice) } else { finding });
        }
        found.unknowns.into_iter().for_each(|unknown| out.unknown(unknown));
    }
}

fn from_several(facts: &Facts, mail: &MailFacts, out: &mut Judgement) {
    let seen = format!(
        "The message has {} `From` fields, and one is allowed: receivers refuse it, or show and check different ones.",
        mail.from_fields
    );
    let step = "Let the program that writes the message, or the server that added one, leave a single `From`; let the \
                signer name `From` once more in `h=` than there is, which keeps another from being added unseen.";
    out.find(
        Finding::new(FROM_SEVERAL, Subject::Domain(facts.domain.clone()), seen)
            .actor(Actor::SendingService)
            .remedy(Remedy::step(step)),
    );
}

/// Why nothing of the message could be verified.
pub fn unverified(fault: &Fault) -> Cause {
    match fault {
        Fault::Wide => Cause::new(CauseKind::Malformed, "it was given as UTF-16; what was signed are other bytes"),
        Fault::TooManyFields => {
            Cause::new(CauseKind::Denied, format!("it has more than {MOST_FIELDS} header fields; no more are read"))
        }
        Fault::NotAField(line) => {
            Cause::new(CauseKind::Malformed, format!("a line of its header is no field, it has no colon: `{line}`"))
        }
    }
}

/// What a receiver makes of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It holds.
    Passes,
    /// It does not.
    Fails,
    /// What decides is not known: its key, or when the message was received.
    Open,
}

fn key_of<'k>(keys: &'k [Published<'_>], one: &SignatureFacts) -> Option<&'k Published<'k>> {
    let signature = &one.signature;
    keys.iter().find(|key| key.selector.name == signature.selector && key.selector.domain == signature.domain)
}

fn fate(facts: &Facts, mail: &MailFacts, keys: &[Published<'_>], one: &SignatureFacts) -> Fate {
    let signature = &one.signature;
    let expired = is_expired(mail, one);
    let changed = one.verified.as_ref().is_some_and(|verified| !verified.holds());
    if signature.is_broken() || signature.algorithm == Algorithm::RsaSha1 || changed || expired == Some(true) {
        return Fate::Fails;
    }
    let mut own = facts.selectors.iter().filter(|at| at.name == signature.selector && at.domain == signature.domain);
    if own.any(|selector| selector.answer.known().is_none()) {
        return Fate::Open;
    }
    let key = key_of(keys, one);
    let usable = key.is_some_and(|key| strength::is_usable(&key.record) && mismatch(one, key).is_none());
    match (usable && one.verified.is_some(), expired) {
        (false, _) => Fate::Fails,
        (true, None) => Fate::Open,
        (true, Some(_)) => Fate::Passes,
    }
}

/// Whether it had expired when the message was received (RFC 6376 §3.5); `None` where
/// nothing says when that was.
fn is_expired(mail: &MailFacts, one: &SignatureFacts) -> Option<bool> {
    let Some(end) = one.signature.expiration else { return Some(false) };
    mail.received.map(|received| received > end)
}

fn subject(one: &SignatureFacts) -> Subject {
    Subject::Domain(one.signature.key_name().unwrap_or_else(|| one.signature.domain.clone()))
}

/// The tag of the signature as evidence.
pub fn at(one: &SignatureFacts, tag: &str, label: &str) -> Evidence {
    let evidence = Evidence::quoting(&EvidenceId::default(), one.text.trim_end());
    match span_of(&one.text, tag) {
        Some(span) => evidence.at(span, label),
        None => evidence,
    }
}

fn span_of(text: &str, tag: &str) -> Option<Span> {
    let list = mail_syntax::tag_list::parse(text);
    list.find(tag).map(|tag| Span::new(tag.span().start, tag.span().end))
}

fn finding(one: &SignatureFacts, code: &str, seen: String) -> Finding {
    Finding::new(code, subject(one), seen).actor(Actor::SendingService)
}

fn whose(one: &SignatureFacts) -> String {
    match one.signature.key_name() {
        Some(_) => format!("The signature of {} with the selector `{}`", one.signature.domain, one.signature.selector),
        None => "A signature of the message".to_owned(),
    }
}

fn unsigned(facts: &Facts, out: &mut Judgement) {
    let seen = "The message has no DKIM signature.".to_owned();
    let step = "Switch DKIM signing on where the message was sent, for the domain of its `From`. If it was signed there, a \
                server on its way has taken the signature out.";
    out.find(
        Finding::new(UNSIGNED, Subject::Domain(facts.domain.clone()), seen)
            .actor(Actor::SendingService)
            .remedy(Remedy::step(step)),
    );
}

fn signature(
    mail: &MailFacts,
    keys: &[Published<'_>],
    one: &SignatureFacts,
    fate: Fate,
    one_click: bool,
    out: &mut Judgement,
) {
    if let Some(issue) = one.signature.issues.iter().find(|issue| issue.kind.is_fatal()) {
        let unsigned_from = one.signature.issues.iter().find(|issue| issue.kind == SignatureIssueKind::FromUnsigned);
        let issue = unsigned_from.unwrap_or(issue);
        let (code, step) = match unsigned_from {
            Some(_) => (FROM_UNSIGNED, "Let the signer name `From` in `h=`."),
            None => (SIGNATURE_SYNTAX, "Mend the signer, or what changes the field on its way."),
        };
        let seen = format!("{} cannot be used: {}.", whose(one), issue.kind);
        let evidence = Evidence::quoting(&EvidenceId::default(), one.text.trim_end())
            .at(Span::new(issue.span.start, issue.span.end), issue.kind.to_string());
        out.find(finding(one, code, seen).evidence(evidence).remedy(Remedy::step(step)));
        return;
    }
    if one.signature.algorithm == Algorithm::RsaSha1 {
        let seen = format!("{} is made with SHA-1, which no receiver may accept any more.", whose(one));
        let remedy = Remedy::step("Let the signer use `a=rsa-sha256`.");
        out.find(finding(one, SHA1, seen).evidence(at(one, "a", "SHA-1")).remedy(remedy));
    }
    if is_expired(mail, one) == Some(true) {
        let seen = format!("{} had expired (`x=`) when the message was received.", whose(one));
        let step = "Let the signer give a longer time, or none; find out what held the message up.";
        out.find(finding(one, EXPIRED, seen).evidence(at(one, "x", "over")).remedy(Remedy::step(step)));
    }
    if let Some((tag, why)) = key_of(keys, one).and_then(|key| mismatch(one, key)) {
        let seen = format!("{} does not fit its key: {why}.", whose(one));
        let step = "Let the signer sign as the key allows, or publish the key without the restriction.";
        out.find(finding(one, KEY_MISMATCH, seen).evidence(at(one, tag, "not by this key")).remedy(Remedy::step(step)));
        return;
    }
    let Some(verified) = &one.verified else { return };
    let mut sound = true;
    match &verified.body {
        BodyResult::Same { .. } => {}
        BodyResult::TooShort { signed, has } => {
            sound = false;
            let seen =
                format!("{} covers {signed} bytes of the body, and it has {has}: some was taken away.", whose(one));
            let step = "Find out which server on the way shortens messages.";
            out.find(
                finding(one, BODY_CHANGED, seen)
                    .evidence(at(one, "l", "more than there is"))
                    .remedy(Remedy::step(step)),
            );
        }
        BodyResult::Changed(change) => {
            sound = false;
            let (what, step) = body_words(*change);
            let seen = format!("{} does not hold: the body is not as it was signed. {what}", whose(one));
            out.find(
                finding(one, BODY_CHANGED, seen).evidence(at(one, "bh", "another body")).remedy(Remedy::step(step)),
            );
        }
    }
    if let HeaderResult::Changed(change) = &verified.header {
        sound = false;
        let (what, step) = header_words(change);
        let seen = format!("{} does not hold: the signed fields are not as they were signed. {what}", whose(one));
        out.find(finding(one, HEADER_CHANGED, seen).evidence(at(one, "h", "one of these")).remedy(Remedy::step(step)));
    }
    length(one, verified, out);
    if sound {
        headers_unsigned(mail, one, one_click, out);
        if fate == Fate::Passes {
            let seen = format!("{} holds.", whose(one));
            out.find(finding(one, VALID, seen).severity(Severity::Pass).evidence(at(one, "d", "signs")));
        } else if fate == Fate::Open {
            let what = "whether the signature had expired (`x=`) when the message was received";
            let cause = Cause::new(CauseKind::NeedsInput, "no `Received` field of the message says when that was");
            out.unknown(Unknown::new(subject(one), what, cause).advice("give the message as it was received"));
        }
    }
}

/// Why a signature may not be made with its key, and the tag at fault.
fn mismatch(one: &SignatureFacts, key: &Published<'_>) -> Option<(&'static str, String)> {
    let (signature, record) = (&one.signature, &key.record);
    match (&signature.algorithm, &record.key) {
        (Algorithm::Ed25519Sha256, KeyState::Rsa(_)) => return Some(("a", "the key is an RSA key".to_owned())),
        (Algorithm::RsaSha1 | Algorithm::RsaSha256, KeyState::Ed25519(_)) => {
            return Some(("a", "the key is an Ed25519 key".to_owned()));
        }
        _ => {}
    }
    let strict = record.has_flag(&Flag::Strict).then_some(signature.identity.as_ref()).flatten();
    let outside = strict.filter(|identity| {
        identity.rsplit_once('@').is_some_and(|(_, domain)| !domain.eq_ignore_ascii_case(&signature.domain))
    });
    outside.map(|identity| ("i", format!("it is not for subdomains (`t=s`), and `i=` is `{identity}`")))
}

fn body_words(change: BodyChange) -> (String, &'static str) {
    const LIST: &str = "Let whatever adds to messages (mailing list, disclaimer, scanner) leave signed ones as they are, or \
                        let it work before they are signed.";
    match change {
        BodyChange::Added { first: 1, last } => (
            format!("What follows line {last} was added after signing: a footer of a mailing list, a disclaimer or a scanner's note."),
            LIST,
        ),
        BodyChange::Added { first, last } => (
            format!("Signed were the lines {first} to {last}; what stands before them, and after, was added: a warning banner or a note."),
            LIST,
        ),
        BodyChange::WhiteSpace => (
            "Only white space is different, which `c=…/simple` does not forgive.".to_owned(),
            "Let the signer use `c=relaxed/relaxed`.",
        ),
        BodyChange::EncodedQuotedPrintable => (
            "It was encoded as quoted-printable on the way, by a server whose neighbour does not take 8-bit mail.".to_owned(),
            "Encode messages as quoted-printable or base64 before they are signed.",
        ),
        BodyChange::EncodedBase64 => (
            "It was encoded as base64 on the way, by a server whose neighbour does not take 8-bit mail.".to_owned(),
            "Encode messages as quoted-printable or base64 before they are signed.",
        ),
        BodyChange::Dots => (
            "Dots at the beginning of lines were doubled or taken away, by a server or filter that gets the transparency of SMTP wrong.".to_owned(),
            "Mend the relay or filter that hands the message on.",
        ),
        BodyChange::FromLines => (
            "`>` was put before lines that begin with `From `, as mailbox files do.".to_owned(),
            "Sign after that step, or let the signer's program encode such lines (`=46rom`).",
        ),
        BodyChange::Unknown => (
            "What was changed cannot be told from the message alone; a footer, banner or new encoding that is known was not found.".to_owned(),
            "Compare the message with one that was taken right behind the signer; mailing lists, scanners that rewrite links \
             and gateways that convert messages are the usual causes.",
        ),
    }
}

fn header_words(change: &HeaderChange) -> (String, &'static str) {
    match change {
        HeaderChange::SubjectTag(tag) => (
            format!("`{tag}` was put before the subject after signing."),
            "Let the mailing list or gateway leave the subject of signed messages as it is.",
        ),
        HeaderChange::WhiteSpace => (
            "Only white space is different, which `c=simple` does not forgive.".to_owned(),
            "Let the signer use `c=relaxed/relaxed`.",
        ),
        HeaderChange::FromReplaced(original) => (
            format!("`From` was replaced; the field `{original}` holds the one that was signed."),
            "A mailing list that replaces `From` should sign the message for its own domain; for the author nothing is to be done.",
        ),
        HeaderChange::FieldAdded(name) => (
            format!("A field was added after signing: {name}."),
            "Let the server that adds it leave out what a message has already.",
        ),
        HeaderChange::Encoding(was) => (
            format!("`Content-Transfer-Encoding` was `{was}` when it was signed: a server encoded the message anew."),
            "Encode messages as quoted-printable or base64 before they are signed.",
        ),
        HeaderChange::Unknown => (
            "Either a signed field was changed, or the key that is published is not the one that signed.".to_owned(),
            "Hold the key that the signer has against the published one first (`openssl rsa -in KEY -pubout`); if they are \
             a pair, a server on the way changes signed fields.",
        ),
    }
}

fn length(one: &SignatureFacts, verified: &dkim_verify::Verified, out: &mut Judgement) {
    if one.signature.length.is_none() {
        return;
    }
    let more = match verified.body {
        BodyResult::Same { unsigned } if unsigned > 0 => {
            format!(" {unsigned} bytes at the end of this message are not signed.")
        }
        _ => String::new(),
    };
    let seen = format!(
        "{} covers the beginning of the body only (`l=`): anyone can add to the message, or replace what a reader sees of \
         it, and it still passes.{more}",
        whose(one)
    );
    let remedy = Remedy::step(
        "Let the signer leave `l=` out (in OpenDKIM `BodyLengthDB`, in Exim `dkim_sign_headers` aside, `l=` is off by default).",
    );
    let label = "what follows is not signed";
    out.find(
        finding(one, SIGNATURE_LENGTH, seen).severity(Severity::Warning).evidence(at(one, "l", label)).remedy(remedy),
    );
}

/// The fields of one-click unsubscription, which one valid signature has to cover
/// (RFC 8058 §4); without the second there is none (§3.1).
const ONE_CLICK: [&str; 2] = ["list-unsubscribe", "list-unsubscribe-post"];

/// `covered`: a signature that holds covers the fields of one-click unsubscription.
fn headers_unsigned(mail: &MailFacts, one: &SignatureFacts, covered: bool, out: &mut Judgement) {
    let is_missing = |name: &&str| !(one.signature.signs(name) || covered && ONE_CLICK.contains(name));
    let missing: Vec<&str> = mail.worth_signing.iter().copied().filter(is_missing).collect();
    if missing.is_empty() {
        return;
    }
    let offered = ONE_CLICK.iter().all(|name| mail.worth_signing.contains(name));
    let one_click = offered && missing.iter().any(|name| ONE_CLICK.contains(name));
    let because = if one_click {
        "Gmail and Yahoo take one-click unsubscription only from signed fields (RFC 8058)."
    } else {
        "They can be changed, and the signature still holds."
    };
    let seen = format!("{} does not cover `{}`. {because}", whose(one), missing.join("`, `"));
    let remedy = Remedy::step("Let the signer name these fields in `h=` as well.");
    let severity = if one_click { Severity::Warning } else { Severity::Notice };
    out.find(
        finding(one, HEADERS_UNSIGNED, seen)
            .severity(severity)
            .evidence(at(one, "h", "not all that matters"))
            .remedy(remedy),
    );
}
