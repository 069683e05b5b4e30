//! Whether the next change of key or certificate goes well.

use dane::{Match, Tlsa};
use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, services::SmtpReply};

use super::{chain::keys, host};
use crate::{CERTIFICATE_PINNED, SINGLE_RECORD, facts::Exchange};

/// Judges the records of an exchange of which one fits at every address.
pub(super) fn judge(
    exchange: &Exchange,
    fitting: &[(&SmtpReply, Vec<Match<'_>>)],
    texts: &[(Tlsa<'_>, String)],
    out: &mut Judgement,
) {
    let found = |index: usize| fitting.iter().filter_map(move |(_, matches)| matches.get(index));
    let fits = |index: usize| found(index).any(|one| matches!(one, Match::Fits { .. }));
    let used: Vec<&(Tlsa<'_>, String)> =
        texts.iter().enumerate().filter(|(index, _)| fits(*index)).map(|(_, one)| one).collect();
    let Some((first, text)) = used.first() else { return };
    // What still fits on the day of a new key: its own record, or that of an
    // issuer whose certificate the server sends (RFC 7671 §8.1, §8.4).
    let prepares = |(index, (record, _)): (usize, &(Tlsa<'_>, String))| match record.usage {
        3 => found(index).all(|one| *one == Match::NoCertificate),
        _ => fits(index),
    };
    let usable = || texts.iter().enumerate().filter(|(_, (record, _))| record.usable().is_ok());
    let quoted = |used: &[&(Tlsa<'_>, String)]| -> Vec<Evidence> {
        used.iter().map(|(_, text)| Evidence::quoting(&exchange.tlsa.evidence, text.as_str())).collect()
    };
    if used.iter().all(|(record, _)| record.usage == 3 && record.selector == 0) {
        let seen = format!(
            "The TLSA record of {} is for the whole certificate: it stops fitting with every renewal, even of the \
             same key.",
            exchange.name
        );
        let mut remedy = Remedy::step("Publish the record for the key (3 1 1), and keep the key when renewing.");
        for key in keys(fitting.iter().filter_map(|(session, _)| session.tls.as_ref())) {
            remedy = remedy.publish(exchange.home(), "TLSA", key);
        }
        let quoted = Evidence::quoting(&exchange.tlsa.evidence, text.as_str());
        out.find(Finding::new(CERTIFICATE_PINNED, host(exchange), seen).evidence(quoted).remedy(remedy));
    } else if first.usage == 3 && !usable().any(prepares) {
        let what = match (usable().count(), used.len()) {
            (1, _) => format!("{} has one TLSA record, for the key in use", exchange.name),
            (all, used) if all == used => {
                format!("The {all} TLSA records of {} are all for the key in use", exchange.name)
            }
            _ => format!(
                "Of the TLSA records of {} only those for the key in use fit; the others are for no certificate that the \
                 server sends or could have as its own",
                exchange.name
            ),
        };
        let seen = format!(
            "{what}: on the day of a new key, mail is refused until the record is changed and old answers are forgotten."
        );
        let remedy = Remedy::step(
            "Publish the record of the next key beside it (3 1 1, current and next), or that of the issuer \
             (2 1 1) where the server sends the issuer's certificate.",
        );
        let mut finding = Finding::new(SINGLE_RECORD, host(exchange), seen).remedy(remedy);
        finding.evidence = quoted(&used);
        out.find(finding);
    }
}
