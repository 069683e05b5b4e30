//! Whether DNS answers are authenticated (RFC 4033 §5, RFC 7672 §2.1).

use super::dns::{Channel, DnsReply, DnsStatus};
use crate::outcome::{Cause, CauseKind};

/// The DNSSEC status of an answer, positive or negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Validated, the whole alias chain with it.
    Secure,
    /// The resolver validates, and a part of the answer is in an unsigned zone.
    Insecure,
    /// Validation failed.
    Bogus(Cause),
    /// It could not be told.
    Unknown(Cause),
}

impl Security {
    /// Whether the answer is validated.
    pub fn is_secure(&self) -> bool {
        *self == Security::Secure
    }

    /// The cause, where the status is not known.
    pub fn unknown(&self) -> Option<&Cause> {
        match self {
            Security::Unknown(cause) => Some(cause),
            _ => None,
        }
    }
}

/// What the run's resolver shows of the root, whose answers are signed: whether
/// it validates. See [`crate::Context::validation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// The name servers of the root, asked for with the DO bit.
    pub root: DnsReply,
}

impl Validation {
    /// The DNSSEC status of `reply`, which came from the run's resolver.
    ///
    /// The AD flag is believed where it came over a channel that nobody can
    /// write into ([`DnsReply::channel`]). Its absence says "unsigned" where the
    /// same resolver sets it for the root, and nothing where it does not.
    pub fn of(&self, reply: &DnsReply) -> Security {
        if let Some(cause) = reply.cause() {
            return if reply.status == DnsStatus::Bogus { Security::Bogus(cause) } else { Security::Unknown(cause) };
        }
        let server = reply.attempts.last().map_or("the resolver", |attempt| attempt.server.as_str());
        let ours = |detail: String, seen: &DnsReply| {
            Security::Unknown(Cause::new(CauseKind::OurSide, detail).seen_in(&seen.evidence))
        };
        if reply.flags.authentic {
            return match reply.channel {
                Channel::Loopback | Channel::Trusted => Security::Secure,
                Channel::Open => ours(
                    format!(
                        "{server} says that the answer is validated (AD), and anybody on the way could have said so"
                    ),
                    reply,
                ),
            };
        }
        if let Some(cause) = self.root.cause() {
            return Security::Unknown(cause);
        }
        let validates = self.root.flags.authentic
            && self.root.attempts.last().map(|attempt| &attempt.server)
                == reply.attempts.last().map(|attempt| &attempt.server);
        if validates {
            Security::Insecure
        } else {
            ours(format!("{server} does not validate DNSSEC (no AD flag for the signed root)"), &self.root)
        }
    }

    /// What to do so that the next run can tell.
    pub const ADVICE: &'static str = "Run a validating resolver on this machine (for example unbound) and name it \
        with --resolver 127.0.0.1; or, where the way to your validating resolver is safe, set trust-resolver = true \
        under [net] in engine.toml.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{DnsAttempt, DnsQuestion, RecordType, Transport};

    fn reply(server: &str, authentic: bool, channel: Channel) -> DnsReply {
        let question = DnsQuestion::new("a.example", RecordType::Mx);
        let mut reply = DnsReply::not_asked(question, Cause::new(CauseKind::Other, ""));
        reply.status = DnsStatus::NoData;
        reply.refusal = None;
        reply.flags.authentic = authentic;
        reply.channel = channel;
        reply.attempts = vec![DnsAttempt {
            server: server.into(),
            transport: Transport::Udp,
            status: DnsStatus::NoData,
            took_us: 1,
        }];
        reply
    }

    #[test]
    fn ad_is_believed_over_a_safe_channel_and_its_absence_from_a_validator() {
        let validating = Validation { root: reply("r", true, Channel::Loopback) };
        assert_eq!(validating.of(&reply("r", true, Channel::Loopback)), Security::Secure);
        assert_eq!(validating.of(&reply("r", true, Channel::Trusted)), Security::Secure);
        assert!(validating.of(&reply("r", true, Channel::Open)).unknown().is_some());
        assert_eq!(validating.of(&reply("r", false, Channel::Open)), Security::Insecure);
        // Another resolver answered.
        assert!(validating.of(&reply("s", false, Channel::Loopback)).unknown().is_some());
        let plain = Validation { root: reply("r", false, Channel::Loopback) };
        assert!(plain.of(&reply("r", false, Channel::Loopback)).unknown().is_some());
    }

    #[test]
    fn a_failed_validation_is_bogus_and_another_failure_unknown() {
        let validating = Validation { root: reply("r", true, Channel::Loopback) };
        let mut failed = reply("r", false, Channel::Loopback);
        failed.status = DnsStatus::Bogus;
        assert!(matches!(validating.of(&failed), Security::Bogus(_)));
        failed.status = DnsStatus::ServFail;
        assert!(validating.of(&failed).unknown().is_some());
    }
}
