//! The TXT record at `_mta-sts` (RFC 8461 §3.1).

use std::fmt;

use crate::{
    Span,
    fields::{self, Field, FieldFault},
};

/// What a record begins with; the case counts.
const VERSION: &str = "v=STSv1";
/// The most characters of an id.
const LONGEST_ID: usize = 32;

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// The first `id`.
    pub id: Option<Field<'a>>,
    /// What is wrong, in order of place.
    pub issues: Vec<RecordIssue>,
}

/// Something wrong in a record. Any of them makes it no record of the grammar,
/// so that senders may act as if there were none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordIssue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: RecordFault,
}

/// What is wrong in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFault {
    /// It does not begin with `v=STSv1` followed by `;`.
    Version,
    /// A field that the grammar does not allow.
    Field(FieldFault),
    /// There is no `id`.
    NoId,
    /// The `id` is longer than 32 characters.
    LongId,
    /// The `id` holds other characters than letters and digits.
    Id,
    /// The field stands here for the second time.
    Twice,
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordFault::Version => f.write_str("does not begin with `v=STSv1;`"),
            RecordFault::Field(fault) => fault.fmt(f),
            RecordFault::NoId => f.write_str("there is no `id`"),
            RecordFault::LongId => f.write_str("the id is longer than 32 characters"),
            RecordFault::Id => f.write_str("an id has letters and digits only"),
            RecordFault::Twice => f.write_str("stands here for the second time"),
        }
    }
}

impl<'a> Record<'a> {
    /// The id, as written, even where it is not allowed.
    pub fn id(&self) -> Option<&'a str> {
        self.id.map(|field| field.value)
    }

    /// Whether nothing is wrong.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }
}

/// Whether a sender takes `text` for an MTA-STS record at all; it leaves others
/// out before it counts them (RFC 8461 §3.1).
pub fn is_record(text: &str) -> bool {
    fields::begins_with_version(text, VERSION)
}

/// Whether `text` was meant as one, with a version that no sender takes for
/// `v=STSv1`. Other text is none of MTA-STS, whatever words stand in it.
pub fn resembles_record(text: &str) -> bool {
    !is_record(text) && fields::resembles_version(text, "stsv1", &["sts", "mta-sts", "mta_sts", "mtasts"])
}

/// Reads a record.
pub fn parse(text: &str) -> Record<'_> {
    let mut record = Record::default();
    let mut issue = |span, kind| record.issues.push(RecordIssue { span, kind });
    let (found, faults) = fields::split(text, |name, c| name == "id" || fields::in_extension(c));
    if !is_record(text) {
        let end = text.find(';').unwrap_or(text.len());
        issue(Span::new(0, end), RecordFault::Version);
    }
    faults.into_iter().for_each(|(span, fault)| issue(span, RecordFault::Field(fault)));
    let mut ids = found.iter().filter(|field| field.name == "id");
    let id = ids.next().copied();
    match id {
        None => issue(Span::new(0, text.len()), RecordFault::NoId),
        Some(id) if id.value.is_empty() => {}
        Some(id) => {
            let odd = id.value.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric());
            if let Some((at, c)) = odd {
                let at = id.value_span.start + at;
                issue(Span::new(at, at + c.len_utf8()), RecordFault::Id);
            } else if id.value.len() > LONGEST_ID {
                issue(id.value_span, RecordFault::LongId);
            }
        }
    }
    ids.for_each(|again| issue(again.span(), RecordFault::Twice));
    record.id = id;
    record.issues.sort_by_key(|issue| issue.span);
    record
}
