//! What was seen of a domain's mail exchangers.

use std::net::IpAddr;

use engine_plugin_api::{
    Cause, Evidence, Span,
    services::{SessionEnd, SmtpAnswer, SmtpReply, Stage},
};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, A-labels.
    pub domain: String,
    /// The sessions, in the order in which senders try the servers.
    pub servers: Vec<Server>,
    /// How many addresses were left out, beyond the limit of sessions.
    pub left_out: usize,
}

/// A session with one exchange at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What came of it.
    pub reply: SmtpReply,
}

/// How far the connection got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The port is open.
    Open,
    /// The other side refuses the connection.
    Refused(String),
    /// Nothing came back in time, or something on the way says that there is
    /// no way.
    Silent(Cause),
    /// Our side, or the engine, did not make the connection.
    NotTried(Cause),
}

impl Server {
    /// The exchange, as its MX record names it.
    pub fn host(&self) -> &str {
        &self.reply.host
    }

    /// The address.
    pub fn address(&self) -> IpAddr {
        self.reply.address
    }

    /// `host (address)`.
    pub fn place(&self) -> String {
        format!("{} ({})", self.host(), self.address())
    }

    /// How far the connection got.
    pub fn reach(&self) -> Reach {
        match (&self.reply.end, self.reply.cause()) {
            (SessionEnd::Broken { stage: Stage::Connect, why }, _) if why.contains("refused") => {
                Reach::Refused(why.clone())
            }
            (SessionEnd::Broken { stage: Stage::Connect, .. }, Some(cause))
            | (SessionEnd::TimedOut { stage: Stage::Connect, .. }, Some(cause)) => Reach::Silent(cause),
            (SessionEnd::NotHeld { .. } | SessionEnd::Other, Some(cause)) => Reach::NotTried(cause),
            _ => Reach::Open,
        }
    }

    /// Whether STARTTLS was offered before TLS.
    pub fn offers_starttls(&self) -> bool {
        self.reply.starttls.is_some() || has(&self.reply.clear_extensions, "STARTTLS")
    }

    /// The reply to the probe for an open relay: to RCPT, or to the MAIL that
    /// was refused before.
    pub fn relay_probe(&self) -> Option<RelayProbe<'_>> {
        match self.reply.probes.first()?.answers.as_slice() {
            [_, rcpt, ..] => Some(RelayProbe::Rcpt(rcpt)),
            [mail] => Some(RelayProbe::Mail(mail)),
            [] => None,
        }
    }

    /// The replies to VRFY and EXPN, with the command.
    pub fn lookups(&self) -> impl Iterator<Item = (&'static str, &SmtpAnswer)> {
        let after_relay = self.reply.probes.iter().skip(1);
        ["VRFY", "EXPN"].into_iter().zip(after_relay).filter_map(|(verb, probe)| Some((verb, probe.answers.first()?)))
    }

    /// The session as evidence, with `answer` to show.
    pub fn quoting(&self, answer: &SmtpAnswer) -> Evidence {
        Evidence::quoting(&self.reply.evidence, answer.text())
    }

    /// The session as evidence, with `answer` to show and a caret under its code.
    pub fn at_code(&self, answer: &SmtpAnswer, label: &str) -> Evidence {
        self.quoting(answer).at(Span::new(0, 3), label)
    }
}

/// How far the probe for an open relay got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayProbe<'r> {
    /// The foreign sender was refused, so that RCPT was not said.
    Mail(&'r SmtpAnswer),
    /// The reply to the foreign recipient.
    Rcpt(&'r SmtpAnswer),
}

/// Whether `extensions` hold one of this keyword.
pub fn has(extensions: &[String], keyword: &str) -> bool {
    parameter(extensions, keyword).is_some()
}

/// What follows the keyword of an extension; `None` when it is not offered.
pub fn parameter<'e>(extensions: &'e [String], keyword: &str) -> Option<&'e str> {
    extensions.iter().find_map(|extension| {
        let (word, rest) = extension.split_once([' ', '=']).unwrap_or((extension, ""));
        (word == keyword).then_some(rest.trim())
    })
}
