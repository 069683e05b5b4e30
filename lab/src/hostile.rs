//! What a hostile SMTP server does in place of a reply, and what a hostile DNS
//! server does to an answer.

use std::time::Duration;

use hickory_proto::{
    op::{Edns, Message, Query, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{CNAME, NULL},
    },
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    world::{FaultAnswer, Stage, optional_duration},
    zone,
};

/// One thing that a scripted SMTP server does in place of its reply.
///
/// Several at one stage are done in the order of the world.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The stage whose reply it replaces. At `handshake` the server waits for
    /// the client's first bytes, then acts.
    pub at: Stage,
    /// The bytes that it says, line ends included: `\r`, `\n`, and `\DDD` for
    /// the byte with that decimal number.
    #[serde(default, deserialize_with = "escaped")]
    pub say: Vec<u8>,
    /// How often it says them; 0: without end.
    #[serde(default = "once")]
    pub times: u32,
    /// Time before each byte; absent: all at once.
    #[serde(default, deserialize_with = "optional_duration")]
    pub pace: Option<Duration>,
    /// What it does afterwards.
    #[serde(default)]
    pub then: Then,
}

/// What a scripted SMTP server does after an [`Act`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Carries on as after its ordinary reply; at `handshake`: closes.
    #[default]
    GoOn,
    /// Never says anything again.
    Silent,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Sends back whatever it is sent.
    Echo,
}

/// Aliases of an `alias-chain`.
const CHAIN: usize = 50;

/// Changes a message as `how` says; `asked` is the question.
pub(crate) fn change(how: FaultAnswer, message: &mut Message, asked: &Query) {
    let at = |owner: &Name, target: &Name| Record::from_rdata(owner.clone(), 300, RData::CNAME(CNAME(target.clone())));
    match how {
        FaultAnswer::WrongId => message.metadata.id = message.metadata.id.wrapping_add(1),
        FaultAnswer::WrongQuestion => {
            message.queries = vec![Query::query(name("other.example."), asked.query_type())];
        }
        FaultAnswer::NxdomainWithAnswers => message.metadata.response_code = ResponseCode::NXDomain,
        FaultAnswer::NoSoa => message.authorities.clear(),
        FaultAnswer::HugeTtl => message.answers.iter_mut().for_each(|record| record.ttl = u32::MAX),
        FaultAnswer::Unasked => {
            message.answers.iter_mut().for_each(|record| record.name = name("other.example."));
        }
        FaultAnswer::AliasLoop => {
            let [one, two] = ["one.loop.example.", "two.loop.example."].map(name);
            message.answers = vec![at(asked.name(), &one), at(&one, &two), at(&two, asked.name())];
        }
        FaultAnswer::AliasChain => {
            let mut owner = asked.name().clone();
            let mut chain = Vec::new();
            for number in 1..=CHAIN {
                let target = name(&format!("n{number}.chain.example."));
                chain.push(at(&owner, &target));
                owner = target;
            }
            message.answers.iter_mut().for_each(|record| record.name = owner.clone());
            message.answers.splice(0..0, chain);
        }
        FaultAnswer::Junk => {
            for rtype in [RecordType::NSEC, RecordType::NSEC3, RecordType::RRSIG, RecordType::Unknown(65_280)] {
                let data = || RData::Unknown { code: rtype, rdata: NULL::with(vec![0xc0, 0xff, 0, 0xff]) };
                let record = Record::from_rdata(asked.name().clone(), 300, data());
                message.answers.push(record.clone());
                message.authorities.insert(0, record.clone());
                message.additionals.push(record);
            }
        }
        FaultAnswer::EdnsVersion => edns(message, |edns| {
            edns.set_version(255);
        }),
        // Smaller than a datagram without EDNS, and the answer keeps to nothing.
        FaultAnswer::EdnsSize => edns(message, |edns| {
            edns.set_max_payload(1);
        }),
        _ => {}
    }
}

/// The bytes that are sent in place of those of `message`.
pub(crate) fn damage(how: FaultAnswer, message: &Message, whole: Vec<u8>, request: &[u8]) -> Vec<u8> {
    match how {
        FaultAnswer::Garbage => {
            let id = message.metadata.id.to_be_bytes();
            [&id[..], &[0xff; 8], b"no message"].concat()
        }
        FaultAnswer::Empty => Vec::new(),
        FaultAnswer::Echo => request.to_vec(),
        FaultAnswer::Half => {
            let half = whole.len() / 2;
            whole.into_iter().take(half.max(13)).collect()
        }
        FaultAnswer::CountsLie => with_answer_count(whole, u16::MAX),
        FaultAnswer::PointerLoop => {
            let mut bare = Message::response(message.metadata.id, message.metadata.op_code);
            bare.metadata = message.metadata;
            bare.add_queries(message.queries.iter().cloned());
            let mut bytes = with_answer_count(bare.to_vec().unwrap_or_default(), 1);
            // RFC 1035 §4.1.4: a pointer to an earlier place; this one points at itself.
            let here = u16::try_from(bytes.len()).unwrap_or_default() | 0xc000;
            bytes.extend(here.to_be_bytes());
            bytes.extend([0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 25, 25, 1, 1]);
            bytes
        }
        _ => whole,
    }
}

fn edns(message: &mut Message, change: impl FnOnce(&mut Edns)) {
    let mut edns = message.edns.take().unwrap_or_default();
    change(&mut edns);
    message.set_edns(edns);
}

fn with_answer_count(mut bytes: Vec<u8>, count: u16) -> Vec<u8> {
    if let Some(field) = bytes.get_mut(6..8) {
        field.copy_from_slice(&count.to_be_bytes());
    }
    bytes
}

fn name(text: &str) -> Name {
    zone::name(text).unwrap_or_default()
}

fn escaped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // An escaped backslash does not escape what follows it.
    let parts = text.split(r"\\").map(|part| part.replace(r"\r", r"\013").replace(r"\n", r"\010"));
    zone::bytes(&parts.collect::<Vec<_>>().join(r"\\")).map_err(D::Error::custom)
}

/// Reads the same where it may be absent.
pub(crate) fn optional_escaped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    escaped(deserializer).map(Some)
}

fn once() -> u32 {
    1
}
