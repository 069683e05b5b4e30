//! Why mail is accepted or refused, and who can do something about it.

use engine_plugin_api::Actor;
use serde::{Deserialize, Serialize};

/// Declares [`Reason`] with its words, so that the list exists once.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// The cause class of a reply. The words are stable: they appear in
        /// data files, reports and users' own rule files.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $word)] $name),+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Reason] = &[$(Reason::$name),+];

            /// The word for it, for example `mailbox-full`.
            pub fn word(self) -> &'static str {
                match self { $(Reason::$name => $word),+ }
            }
        }
    };
}

reasons! {
    /// Accepted.
    Delivered = "delivered",
    /// The server waits for the next part of the dialogue.
    Proceed = "proceed",
    /// No such mailbox.
    MailboxUnknown = "mailbox-unknown",
    /// The mailbox is switched off.
    MailboxDisabled = "mailbox-disabled",
    /// The mailbox is elsewhere now.
    MailboxMoved = "mailbox-moved",
    /// The mailbox is over its quota.
    MailboxFull = "mailbox-full",
    /// A rule of the recipient or group keeps this sender out.
    RecipientRefuses = "recipient-refuses",
    /// The recipient, group or list takes mail from listed senders only.
    SenderNotAllowed = "sender-not-allowed",
    /// The recipient's domain has no route.
    DomainUnknown = "domain-unknown",
    /// The domain or host takes no mail at all.
    DomainRefusesMail = "domain-refuses-mail",
    /// The server does not pass mail on for this sender.
    RelayDenied = "relay-denied",
    /// The envelope sender is not acceptable.
    SenderRefused = "sender-refused",
    /// A rule of the receiver, not said which.
    Policy = "policy",
    /// SPF did not pass.
    Spf = "spf",
    /// DKIM did not pass.
    Dkim = "dkim",
    /// The DMARC policy was applied.
    Dmarc = "dmarc",
    /// No authentication method passed.
    Unauthenticated = "unauthenticated",
    /// On a blocklist.
    Blocklisted = "blocklisted",
    /// The reputation is too low.
    Reputation = "reputation",
    /// Not known yet; a second attempt is asked for.
    Greylisted = "greylisted",
    /// Too much in too short a time.
    RateLimited = "rate-limited",
    /// Too many connections, or messages over one, at a time.
    TooManyConnections = "too-many-connections",
    /// Too many recipients in one transaction.
    TooManyRecipients = "too-many-recipients",
    /// The content is taken for spam.
    Spam = "spam",
    /// Malware was found.
    Malware = "malware",
    /// An attachment, or content, of a kind that is never taken, harmful or not.
    AttachmentRefused = "attachment-refused",
    /// The message breaks RFC 5322 or MIME.
    Malformed = "malformed",
    /// The content or its encoding is none that the receiver can handle.
    ContentUnsupported = "content-unsupported",
    /// Message or headers are too large.
    TooLarge = "too-large",
    /// Larger than this one mailbox takes, though not than the server does.
    TooLargeForMailbox = "too-large-for-mailbox",
    /// PTR missing, or not leading back.
    ReverseDns = "reverse-dns",
    /// The HELO name is not acceptable.
    Helo = "helo",
    /// A login is needed.
    LoginRequired = "login-required",
    /// The login was not accepted.
    LoginRefused = "login-refused",
    /// Encryption is needed.
    TlsRequired = "tls-required",
    /// The encryption that policy demands could not be set up.
    TlsFailed = "tls-failed",
    /// The SMTP dialogue went wrong.
    Protocol = "protocol",
    /// The receiving server failed.
    ServerTrouble = "server-trouble",
    /// The receiving server is out of space.
    ServerFull = "server-full",
    /// A program that the server hands the message to failed.
    MailerError = "mailer-error",
    /// The message loops.
    RoutingLoop = "routing-loop",
    /// No connection to the receiving server.
    Unreachable = "unreachable",
    /// The DNS of the recipient's domain gave no answer to work with.
    DnsFailure = "dns-failure",
    /// The server, or something before it, ended the connection before any mail was named.
    TurnedAway = "turned-away",
    /// The queue time ran out.
    Expired = "expired",
    /// Not sent at all: the sending service has the address on its own list of addresses to leave out.
    Suppressed = "suppressed",
    /// A recipient reported the message as unwanted; it did arrive.
    Complaint = "complaint",
    /// Neither code nor words say why.
    Unexplained = "unexplained",
}

impl Reason {
    /// The reason whose [word](Reason::word) is `word`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }

    /// Whether it is a refusal or failure.
    pub fn is_refusal(self) -> bool {
        !matches!(self, Reason::Delivered | Reason::Proceed | Reason::Complaint)
    }
}

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// Whoever wrote the message or typed the address.
    Sender,
    /// The owner of the sender's domain.
    DomainOwner,
    /// The operator of the sending server.
    ServerOperator,
    /// The holder of the sending IP address.
    IpOwner,
    /// The program or service that made the message.
    SendingService,
    /// The receiving side.
    Receiver,
    /// Nobody: it passes.
    Nobody,
}

impl Party {
    /// How a person reads it, for example `the holder of the sending IP address`.
    pub fn phrase(self) -> &'static str {
        match self {
            Party::Sender => "whoever sent the message",
            Party::DomainOwner => "the owner of the sender's domain",
            Party::ServerOperator => "the operator of the sending server",
            Party::IpOwner => "the holder of the sending IP address",
            Party::SendingService => "the program or service that made the message",
            Party::Receiver => "the receiving side",
            Party::Nobody => "nobody: it passes",
        }
    }
}

impl From<Party> for Actor {
    fn from(party: Party) -> Self {
        match party {
            Party::Sender => Actor::Sender,
            Party::DomainOwner => Actor::DomainOwner,
            Party::ServerOperator => Actor::ServerOperator,
            Party::IpOwner => Actor::IpOwner,
            Party::SendingService => Actor::SendingService,
            Party::Receiver => Actor::Receiver,
            Party::Nobody => Actor::Nobody,
        }
    }
}

/// Whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clears {
    /// A later attempt can succeed with nothing changed.
    ByItself,
    /// Every further attempt fails until something is changed.
    WhenFixed,
}
