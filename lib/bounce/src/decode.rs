//! From a message to a report.

use smtp_reasons::{Knowledge, Reason};

use crate::{
    address::mailboxes_in,
    dsn::{Dsn, Entry, MOST_RECIPIENTS},
    feedback,
    fields::{Fields, split_header},
    human::{Human, collapsed, flat},
    input::Input,
    mime::{Mail, Part, floor},
    model::{Action, Fault, Kind, Original, Recipient, Report},
    notification,
    rules::Rules,
    transcript::Exchange,
    verdict::{Evidence, hardness, judge},
};

/// How deep messages attached to messages are looked into.
const DEEPEST: usize = 3;
/// The most bytes of one diagnostic.
const LONGEST_DIAGNOSTIC: usize = 4_096;
/// The most header fields of the returned message that are kept, and their longest value.
const MOST_HEADERS: usize = 200;
const LONGEST_HEADER: usize = 1_000;

/// Reads what was given: one message, or a mail folder of several. There is
/// always at least one report; one about no bounce has another [`Kind`].
/// Takes time in proportion to the size, of which it reads at most
/// [`crate::LARGEST`] bytes.
pub fn decode(bytes: &[u8]) -> Vec<Report> {
    let input = Input::read(bytes);
    let mut reports: Vec<Report> = input.messages().into_iter().map(|message| report(message, DEEPEST)).collect();
    for report in &mut reports {
        report.faults.extend(input.wide.then_some(Fault::Wide));
    }
    if let Some(last) = reports.last_mut() {
        last.faults.extend(input.cut.then_some(Fault::TooLarge));
    }
    reports
}

fn report(message: &[u8], depth: usize) -> Report {
    let reading = Reading::of(message);
    let human = Human::read(&reading.text, reading.rules);
    let report = reading.report(&human);
    let guessed = report.kind == Kind::Bounce && reading.names_nobody(&human);
    if (report.kind != Kind::Other && !guessed) || depth == 0 {
        return report;
    }
    // Somebody, or a filter on the way, passes a bounce on: it hangs on another message.
    for part in reading.mail.parts.iter().filter(|part| is_message(&part.kind)) {
        let bytes = part.bytes();
        let inner = self::report(&bytes, depth - 1);
        let of_use = !guessed || !inner.recipients.is_empty();
        if of_use && matches!(inner.kind, Kind::Bounce | Kind::Delay | Kind::Receipt | Kind::Feedback) {
            return Report { attached: true, ..inner };
        }
    }
    report
}

fn is_message(kind: &str) -> bool {
    matches!(kind, "message/rfc822" | "message/global" | "message/partial")
}

pub(crate) fn is_returned(kind: &str) -> bool {
    is_message(kind)
        || matches!(kind, "text/rfc822-headers" | "message/rfc822-headers" | "message/global-headers" | "text/rfc822")
}

pub(crate) fn is_status(kind: &str) -> bool {
    kind.ends_with("delivery-status")
}

/// A message taken apart, with what its header says of its kind.
pub(crate) struct Reading<'a> {
    pub(crate) mail: Mail<'a>,
    /// The text for people, decoded.
    text: String,
    /// The standard report, wherever it stands.
    dsn: Dsn,
    notification: Option<notification::Notification>,
    pub(crate) rules: &'static Rules,
}

impl<'a> Reading<'a> {
    fn of(message: &'a [u8]) -> Self {
        let mail = Mail::read(message);
        let text = text_for_people(&mail.parts);
        let mut dsn = Dsn::default();
        if let Some(part) = mail.parts.iter().find(|part| is_status(&part.kind)) {
            dsn = Dsn::read(&part.text());
        } else if text.contains("inal-Recipient:") || text.contains("inal-recipient:") {
            // The report stands in the text.
            dsn = Dsn::read(&text);
        }
        let notification = notification::read(&text);
        Reading { mail, text, dsn, notification, rules: Rules::builtin() }
    }

    fn report(&self, human: &Human<'_>) -> Report {
        let mut report = Report {
            kind: Kind::Other,
            attached: false,
            reporting_mta: self.dsn.reporting_mta.clone(),
            dsn_gateway: self.dsn.dsn_gateway.clone(),
            received_from: self.dsn.received_from.clone(),
            envelope_id: self.dsn.envelope_id.clone(),
            arrived: self.dsn.arrived.clone(),
            recipients: Vec::new(),
            feedback: None,
            original: self.original(human),
            faults: self.faults(),
        };
        if self.is_feedback(&mut report) || self.is_unsubscribe(&mut report) || self.is_read_receipt(human, &mut report)
        {
            return report;
        }
        if let Some(found) = &self.notification {
            report.reporting_mta = report.reporting_mta.or_else(|| found.reporting_mta.clone());
            report.original =
                (!found.headers.is_empty()).then(|| Original { headers: found.headers.clone(), whole: None });
            report.recipients = self.judged(&found.recipients, human, None);
            report.kind = kind_of(&report.recipients);
            if let Some(feedback) = &found.feedback {
                (report.kind, report.feedback) = (Kind::Feedback, Some(feedback.clone()));
                report.recipients.iter_mut().for_each(complained);
            }
            return report;
        }
        let entries = self.entries(human, &report);
        if !entries.is_empty() {
            report.recipients = self.judged(&entries, human, None);
            report.kind = kind_of(&report.recipients);
            return report;
        }
        report.kind = self.kind(human);
        if matches!(report.kind, Kind::Bounce | Kind::Delay) {
            let action = if report.kind == Kind::Delay { Action::Delayed } else { Action::Failed };
            let entries: Vec<Entry> = self
                .addresses(human, &report)
                .into_iter()
                .take(MOST_RECIPIENTS)
                .map(|address| Entry { final_recipient: Some(address), action: Some(action), ..Entry::default() })
                .collect();
            report.recipients = self.judged(&entries, human, Some(action));
            if report.recipients.is_empty() {
                report.faults.push(Fault::NoRecipientInReport);
            }
        }
        report
    }

    /// Whether neither a standard report, nor the header, nor the text names a recipient.
    fn names_nobody(&self, human: &Human<'_>) -> bool {
        self.dsn.recipients.is_empty()
            && self.notification.is_none()
            && self.mail.head.get("X-Failed-Recipients").is_none()
            && human.blocks.is_empty()
    }

    fn faults(&self) -> Vec<Fault> {
        let incomplete = self.dsn.recipients.iter().any(|entry| entry.action.is_none() || entry.status.is_none());
        [
            (self.mail.head.is_empty(), Fault::NoHeader),
            (self.mail.damaged, Fault::DamagedMime),
            (self.mail.cut, Fault::TooManyParts),
            (self.dsn.cut, Fault::TooManyRecipients),
            (incomplete, Fault::IncompleteReport),
        ]
        .into_iter()
        .filter_map(|(there, fault)| there.then_some(fault))
        .collect()
    }

    fn is_feedback(&self, report: &mut Report) -> bool {
        let part = self.mail.parts.iter().find(|part| part.kind == "message/feedback-report");
        if part.is_none() && self.mail.report.as_deref() != Some("feedback-report") {
            return false;
        }
        let (feedback, mut addresses) = part.map(|part| feedback::read(&part.text())).unwrap_or_default();
        if addresses.is_empty() {
            let to = report.original.as_ref().and_then(|original| original.get("To")).unwrap_or_default();
            addresses = mailboxes_in(to).into_iter().map(str::to_owned).collect();
        }
        let entry = |address| Entry { final_recipient: Some(address), ..Entry::default() };
        let entries: Vec<Entry> = addresses.into_iter().map(entry).collect();
        report.recipients = self.judged(&entries, &Human::default(), None);
        let words = collapsed(&self.text, LONGEST_DIAGNOSTIC);
        for recipient in &mut report.recipients {
            complained(recipient);
            recipient.diagnostic.clone_from(&words);
        }
        (report.kind, report.feedback) = (Kind::Feedback, Some(feedback));
        true
    }

    /// Apple Mail sends such a message when its user wants no more of a sender's mail.
    fn is_unsubscribe(&self, report: &mut Report) -> bool {
        let found = self.mail.head.get("X-Apple-Unsubscribe").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if found {
            let from = self.mail.head.get("From").unwrap_or_default();
            let entry = |address: &str| Entry { final_recipient: Some(address.to_owned()), ..Entry::default() };
            let entries: Vec<Entry> = mailboxes_in(&from).into_iter().take(1).map(entry).collect();
            report.recipients = self.judged(&entries, &Human::default(), None);
            report.recipients.iter_mut().for_each(complained);
            let feedback = crate::Feedback { kind: "opt-out".to_owned(), ..crate::Feedback::default() };
            (report.kind, report.feedback) = (Kind::Feedback, Some(feedback));
        }
        found
    }

    fn is_read_receipt(&self, human: &Human<'_>, report: &mut Report) -> bool {
        let part = self.mail.parts.iter().find(|part| part.kind == "message/disposition-notification");
        let found = part.is_some() || self.mail.report.as_deref() == Some("disposition-notification");
        if !found {
            return false;
        }
        report.kind = Kind::ReadReceipt;
        // A rejecting filter, too, answers by such a notification (RFC 5429 §2.1.2), and says so in its text.
        let fields = part.map(|part| part.text()).unwrap_or_default();
        let rejected = human.said.failure && fields.to_ascii_lowercase().contains("automatic-action/");
        let entries: Vec<Entry> = if rejected { Dsn::read(&fields).recipients } else { Vec::new() };
        if !entries.is_empty() {
            report.recipients = self.judged(&entries, human, Some(Action::Failed));
            report.kind = kind_of(&report.recipients);
        }
        true
    }

    /// The recipients of the standard report; those whose address cannot be
    /// read get theirs from elsewhere.
    fn entries(&self, human: &Human<'_>, report: &Report) -> Vec<Entry> {
        let mut entries = self.dsn.recipients.clone();
        let nameless = entries.iter().filter(|e| e.final_recipient.is_none() && e.original_recipient.is_none()).count();
        if nameless > 0 {
            let named: Vec<String> = entries
                .iter()
                .flat_map(|e| [e.final_recipient.clone(), e.original_recipient.clone()])
                .flatten()
                .collect();
            let mut others = self.addresses(human, report).into_iter().filter(|address| !named.contains(address));
            for entry in entries.iter_mut().filter(|e| e.final_recipient.is_none() && e.original_recipient.is_none()) {
                entry.final_recipient = others.next();
            }
            entries.retain(|entry| entry.final_recipient.is_some() || entry.original_recipient.is_some());
        }
        entries
    }

    fn judged(&self, entries: &[Entry], human: &Human<'_>, action: Option<Action>) -> Vec<Recipient> {
        let alone = entries.len() == 1;
        let mut recipients: Vec<Recipient> = Vec::new();
        for entry in entries {
            let Some(address) = entry.final_recipient.clone().or_else(|| entry.original_recipient.clone()) else {
                continue;
            };
            let recipient = self.recipient(entry, address, human, action, alone);
            // Some name each recipient twice.
            let twice = recipients.iter().any(|other| {
                other.address.eq_ignore_ascii_case(&recipient.address)
                    && other.reason == recipient.reason
                    && other.action == recipient.action
            });
            if !twice {
                recipients.push(recipient);
            }
        }
        recipients
    }

    fn recipient(
        &self,
        entry: &Entry,
        address: String,
        human: &Human<'_>,
        action: Option<Action>,
        alone: bool,
    ) -> Recipient {
        let other = entry.original_recipient.as_deref();
        let mut said = human.said_of(&address).or_else(|| other.and_then(|other| human.said_of(other)));
        if said.is_none() && alone {
            // The text names the recipient by another address, or none.
            let blocks: Vec<_> = human.blocks.iter().filter(|block| !block.said.is_empty()).collect();
            if let [block] = blocks[..] {
                said = Some(block.said.clone());
            }
        }
        let exchange = exchange_for(&human.exchanges, &address, alone);
        let diagnostic =
            entry.diagnostic.as_deref().map(|words| collapsed(words, LONGEST_DIAGNOSTIC)).unwrap_or_default();
        let reply = exchange.map(|exchange| exchange.reply.as_str()).unwrap_or_default();
        let body = if alone || said.is_none() { human.body } else { "" };
        let first_line = diagnostic.as_bytes().get(3) == Some(&b'-')
            && reply.len() > diagnostic.len()
            && reply.get(..3) == diagnostic.get(..3);
        let said_text = said.as_deref().unwrap_or_default();
        // A first line alone (`552-5.7.0 …`) says less than the transcript's whole reply.
        let texts: Vec<&str> =
            if first_line { vec![reply, &diagnostic, said_text] } else { vec![&diagnostic, reply, said_text] };
        let told = self.rules.said(&flat(said_text));
        let stage = told.stage.or_else(|| exchange.and_then(|exchange| exchange.stage));
        let action = entry.action.or(action);
        let remote = entry.remote.clone().or_else(|| exchange.and_then(|exchange| exchange.host.clone()));
        let evidence = Evidence {
            texts,
            body,
            action,
            status: entry.status,
            stage,
            told,
            unix: entry.diagnostic_type.as_deref() == Some("x-unix"),
            remote: remote.as_deref(),
            said: human.said,
        };
        let verdict = judge(&evidence, Knowledge::builtin(), self.rules);
        let whole = if verdict.text == Some(evidence.texts.len()) {
            collapsed(body, LONGEST_DIAGNOSTIC)
        } else {
            String::new()
        };
        let text = verdict.text.and_then(|index| evidence.texts.get(index).copied()).unwrap_or(&whole);
        let text = &text[..floor(text, LONGEST_DIAGNOSTIC)];
        let standard = verdict
            .text
            .and_then(|index| evidence.texts.get(index))
            .is_some_and(|text| std::ptr::eq(*text, diagnostic.as_str()));
        let action = action.unwrap_or(match verdict.status.map(|status| status.class) {
            Some(2) => Action::Delivered,
            Some(4) if !human.said.expired => Action::Delayed,
            _ => Action::Failed,
        });
        Recipient {
            original: entry.original_recipient.clone().filter(|other| *other != address),
            address,
            action,
            status: verdict.status,
            code: verdict.code,
            diagnostic: text.to_owned(),
            diagnostic_type: entry.diagnostic_type.clone().filter(|_| standard),
            reason: verdict.reason,
            underlying: verdict.underlying,
            telling: verdict.telling.filter(|span| text.get(span.clone()).is_some()),
            hardness: hardness(verdict.reason),
            remote: remote.or(verdict.host),
            stage: verdict.stage,
            last_attempt: entry.last_attempt.clone(),
            retry_until: entry.retry_until.clone(),
            log_id: entry.log_id.clone(),
        }
    }

    /// The returned message.
    fn original(&self, human: &Human<'_>) -> Option<Original> {
        let part = self.mail.parts.iter().find(|part| is_returned(&part.kind));
        let fields = match part {
            Some(part) => {
                let bytes = part.bytes();
                let (header, rest) = split_header(bytes.trim_ascii_start());
                let header = if header.is_empty() { rest } else { header };
                Fields::read(String::from_utf8_lossy(&header[..header.len().min(64 << 10)]).into_owned())
            }
            None => {
                let text = human.original?;
                Fields::read(text.split("\n\n").next().unwrap_or_default().to_owned())
            }
        };
        let cut = |value: &str| value[..floor(value, LONGEST_HEADER)].to_owned();
        let headers: Vec<_> =
            fields.iter().take(MOST_HEADERS).map(|(name, value)| (name.to_owned(), cut(&value))).collect();
        let whole = part.filter(|_| !self.mail.damaged && !self.mail.cut).and_then(whole);
        (!headers.is_empty()).then_some(Original { headers, whole })
    }
}

/// The returned message that `part` holds, where nothing shows that it was cut down:
/// some systems send a header alone as message/rfc822, or put a note where they cut.
fn whole(part: &Part<'_>) -> Option<Vec<u8>> {
    const LONGEST_NOTE: usize = 200;
    if !matches!(part.kind.as_str(), "message/rfc822" | "message/global") {
        return None;
    }
    let bytes = part.bytes();
    let (header, body) = split_header(&bytes);
    let end = String::from_utf8_lossy(&body[body.len().saturating_sub(LONGEST_NOTE)..]).to_ascii_lowercase();
    let cut = header.is_empty() || body.trim_ascii().is_empty() || end.contains("truncated");
    (!cut && !Mail::read(&bytes).damaged).then(|| bytes.into_owned())
}

/// The text parts before the returned message; HTML only where there is nothing else.
fn text_for_people(parts: &[Part<'_>]) -> String {
    let before = || parts.iter().take_while(|part| !is_returned(&part.kind));
    let mut text = String::new();
    for part in before().filter(|part| part.kind == "text/plain").take(4) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&part.text());
    }
    if text.trim().is_empty() {
        text = before().find(|part| part.kind == "text/html").map(|part| part.text().into_owned()).unwrap_or_default();
    }
    if text.trim().is_empty() {
        let any = before().find(|part| part.kind.starts_with("text/") || part.kind.starts_with("multipart/"));
        text = any.map(|part| part.text().into_owned()).unwrap_or_default();
    }
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

fn kind_of(recipients: &[Recipient]) -> Kind {
    let any = |action: Action| recipients.iter().any(|recipient| recipient.action == action);
    if any(Action::Failed) {
        Kind::Bounce
    } else if any(Action::Delayed) {
        Kind::Delay
    } else {
        Kind::Receipt
    }
}

/// A complaint is about a message that arrived.
fn complained(recipient: &mut Recipient) {
    recipient.reason = Reason::Complaint;
    recipient.action = Action::Delivered;
    recipient.hardness = hardness(Reason::Complaint);
    (recipient.underlying, recipient.telling) = (None, None);
}

/// The refusal that a transcript holds for a recipient: the answer to its own
/// RCPT, or the last refusal that says more than that the order was wrong.
fn exchange_for<'h>(exchanges: &'h [Exchange], address: &str, alone: bool) -> Option<&'h Exchange> {
    let refuses = |e: &&Exchange| matches!(e.reply.as_bytes().first(), Some(b'4' | b'5'));
    let own = exchanges.iter().filter(refuses).find(|e| {
        e.address.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(address)) && e.stage == Some(crate::Stage::Rcpt)
    });
    let other = || {
        let telling = |e: &&Exchange| !e.reply.starts_with("503") && (alone || e.stage != Some(crate::Stage::Rcpt));
        exchanges.iter().filter(refuses).rfind(telling)
    };
    own.or_else(other)
}
