//! What a bounce says, typed.

use std::ops::Range;

use serde::Serialize;
use smtp_reasons::{Reason, StatusCode};

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// At least one recipient did not get the message, for good.
    Bounce,
    /// It is still being tried (RFC 3464 §2.3.3 `delayed`); no recipient has failed yet.
    Delay,
    /// It was delivered, relayed or expanded: a receipt that was asked for.
    Receipt,
    /// A recipient's complaint or another feedback report (RFC 5965).
    Feedback,
    /// Read, deleted, displayed: a message disposition notification (RFC 8098).
    ReadReceipt,
    /// An automatic answer (RFC 3834), a vacation note, a challenge.
    AutoReply,
    /// Anything else.
    Other,
}

/// What was done for a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Not delivered, and not tried again.
    Failed,
    /// Not delivered yet.
    Delayed,
    /// Delivered.
    Delivered,
    /// Passed on to a system that sends no receipts.
    Relayed,
    /// Delivered to a list of further recipients.
    Expanded,
}

/// Whether the address is to be sent to again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardness {
    /// The address does not work: no such mailbox or domain, moved, takes no mail.
    Hard,
    /// The address may work: the message, the sender, the time or a server was at fault.
    Soft,
    /// Nothing failed.
    None,
}

/// The part of the SMTP dialogue that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The connection, before any command.
    Connect,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS.
    Starttls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, or the message after it.
    Data,
}

impl Stage {
    /// The command's name, `connection` before any.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Connect => "connection",
            Stage::Ehlo => "EHLO",
            Stage::Starttls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Data => "DATA",
        }
    }
}

/// What happened to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The address, `local@domain`, as the report spells it.
    pub address: String,
    /// The address that the message was first sent to, where the report tells another.
    pub original: Option<String>,
    /// What was done.
    pub action: Action,
    /// The enhanced status code, as the server or the report gives it; never made up.
    pub status: Option<StatusCode>,
    /// The three digits of the server's reply.
    pub code: Option<u16>,
    /// The words that tell it best: the server's reply with its codes, or what
    /// the report says; blanks collapsed, at most 4,096 bytes, possibly empty.
    pub diagnostic: String,
    /// Who spoke these words: `smtp`, `x-postfix`, `x-unix`, … (RFC 3464 §2.1.2); `None` outside a standard report.
    pub diagnostic_type: Option<String>,
    /// Why.
    pub reason: Reason,
    /// For a message that ran out of time, or is still tried: why the attempts failed.
    pub underlying: Option<Reason>,
    /// The words of `diagnostic` that decided it, in bytes.
    pub telling: Option<Range<usize>>,
    /// Whether the address is to be sent to again.
    pub hardness: Hardness,
    /// The server that refused, by name or address.
    pub remote: Option<String>,
    /// Where in the dialogue.
    pub stage: Option<Stage>,
    /// When it was last tried, as the report writes it.
    pub last_attempt: Option<String>,
    /// How long it is tried, as the report writes it.
    pub retry_until: Option<String>,
    /// The remote server's log id (RFC 3464 §2.3.8).
    pub log_id: Option<String>,
}

/// A feedback report (RFC 5965).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// `abuse`, `fraud`, `not-spam`, `auth-failure`, `opt-out`, …; lower-case.
    pub kind: String,
    /// Who made the report.
    pub user_agent: Option<String>,
    /// The envelope sender of the message.
    pub mail_from: Option<String>,
    /// The address that the message came from.
    pub source_ip: Option<String>,
    /// The domains that it is about.
    pub domains: Vec<String>,
    /// What the receiver found of its authentication (RFC 6591).
    pub authentication: Option<String>,
    /// How many incidents it stands for.
    pub incidents: Option<u64>,
}

/// The message that was returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Original {
    /// Its fields in order, unfolded, each at most 1,000 bytes; at most 200.
    pub headers: Vec<(String, String)>,
    /// All its bytes, transfer encoding undone, where it came back whole as far as
    /// can be seen: in a part of its own that ends, with a body that is not cut off.
    #[serde(skip)]
    pub whole: Option<Vec<u8>>,
}

impl Original {
    /// The first field called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What is wrong with the message as such; what could be read was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It has no header.
    NoHeader,
    /// A boundary was missing or wrong, or the end.
    DamagedMime,
    /// It has more, or deeper, parts than are read.
    TooManyParts,
    /// It is larger than is read.
    TooLarge,
    /// It is in UTF-16, as no mail system sends it: an editor saved it anew.
    Wide,
    /// A delivery report without any recipient.
    NoRecipientInReport,
    /// A recipient's part of the report lacks its action or status.
    IncompleteReport,
    /// More recipients than are kept.
    TooManyRecipients,
}

impl Fault {
    /// In words that fit after "the message".
    pub fn phrase(self) -> &'static str {
        match self {
            Fault::NoHeader => "has no header",
            Fault::DamagedMime => "is cut off, or its MIME boundaries do not fit",
            Fault::TooManyParts => "has more parts, or deeper ones, than are read",
            Fault::TooLarge => "is larger than is read",
            Fault::Wide => "is in UTF-16: it was saved anew and not as it came",
            Fault::NoRecipientInReport => "holds a delivery report that names no recipient",
            Fault::IncompleteReport => "holds a delivery report that lacks actions or status codes",
            Fault::TooManyRecipients => "names more recipients than are kept",
        }
    }
}

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What kind of message it is.
    pub kind: Kind,
    /// Whether the report stood in a message attached to the one that was given.
    pub attached: bool,
    /// The system that made the report (RFC 3464 §2.2.2).
    pub reporting_mta: Option<String>,
    /// The gateway that translated it (RFC 3464 §2.2.3).
    pub dsn_gateway: Option<String>,
    /// The system that the message came from (RFC 3464 §2.2.4).
    pub received_from: Option<String>,
    /// The envelope id that the sender gave (RFC 3464 §2.2.1).
    pub envelope_id: Option<String>,
    /// When the message came, as the report writes it.
    pub arrived: Option<String>,
    /// The recipients, in the order of the report.
    pub recipients: Vec<Recipient>,
    /// The feedback report, for that kind.
    pub feedback: Option<Feedback>,
    /// The message that was returned.
    pub original: Option<Original>,
    /// What is wrong with the message.
    pub faults: Vec<Fault>,
}
