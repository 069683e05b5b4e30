//! What a scripted SMTP server says: no sockets here, and time is an argument.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    hostile::Act,
    world::{Greylist, SmtpServer, Stage},
};

/// The commands that `replies` may name.
const VERBS: [&str; 14] = [
    "EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "AUTH", "QUIT",
];

/// Commands in one session; RFC 5321 knows no limit, a lab needs one.
const MAX_COMMANDS: usize = 1000;

/// Triplets that one greylist remembers.
const MAX_TRIPLETS: usize = 100_000;

/// The retry window of a greylist that gives none.
const RETRY_WINDOW: Duration = Duration::from_secs(2 * 86_400);

/// An `[[smtp]]` section, ready to answer; all its sessions share it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) server: SmtpServer,
    /// Replies by command, the verb in upper and the argument in lower case.
    replies: HashMap<String, String>,
    /// First attempts by (client, sender, recipient).
    greylist: Mutex<HashMap<(IpAddr, String, String), Instant>>,
}

/// What one session has come to.
#[derive(Debug)]
pub(crate) struct Dialogue {
    client: IpAddr,
    pub(crate) tls: bool,
    /// Whether the greeting refused the session (RFC 5321 §3.1).
    refused: bool,
    greeted: bool,
    sender: Option<String>,
    recipients: usize,
    commands: usize,
}

/// What the server does next; texts have no line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Reply(String),
    /// Reply, then begin a TLS handshake.
    StartTls(String),
    /// Reply, then close the connection.
    Close(String),
    /// Close the connection without a reply.
    Drop,
    /// Keep the connection, and never say anything again.
    Silent,
    /// Act in place of replying; then do the rest of the step.
    Act(Vec<Act>, Box<Step>),
}

impl Dialogue {
    pub(crate) fn new(client: IpAddr) -> Dialogue {
        Dialogue { client, tls: false, refused: false, greeted: false, sender: None, recipients: 0, commands: 0 }
    }

    /// After a TLS handshake nothing said before counts (RFC 3207 §4.2).
    pub(crate) fn secured(&mut self) {
        *self = Dialogue { tls: true, commands: self.commands, ..Dialogue::new(self.client) };
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients = 0;
    }
}

impl Script {
    pub(crate) fn new(server: &SmtpServer) -> Result<Script, String> {
        let mut replies = HashMap::new();
        for (command, reply) in &server.replies {
            let (verb, argument) = command.trim().split_once(' ').unwrap_or((command.trim(), ""));
            let verb = verb.to_ascii_uppercase();
            if !VERBS.contains(&verb.as_str()) {
                return Err(format!("`{command}` is not a command: expected one of {}", VERBS.join(", ")));
            }
            if !argument.is_empty() && !matches!(verb.as_str(), "MAIL" | "RCPT") {
                return Err(format!("`{command}`: only MAIL and RCPT take an address, such as `RCPT user@x.example`"));
            }
            if reply.trim().is_empty() {
                return Err(format!("the reply to `{command}` is empty: expected for example `550 5.7.1 No`"));
            }
            replies.insert(key(&verb, argument.trim()), reply.clone());
        }
        for act in &server.acts {
            if act.at == Stage::Connect {
                return Err("nothing is said at `connect`: expected an act at `greeting`".into());
            }
            if act.say.is_empty() && act.times == 0 {
                return Err("an act says nothing without end: expected `say`, or `then = \"silent\"`".into());
            }
        }
        if server.port == 0 {
            return Err("`port` is 0: expected 1 to 65535".into());
        }
        Ok(Script { server: server.clone(), replies, greylist: Mutex::default() })
    }

    /// What is done when the client has connected.
    pub(crate) fn greeting(&self, dialogue: &mut Dialogue) -> Step {
        if let Some(end) = self.end_at(Stage::Connect).or(self.end_at(Stage::Greeting)) {
            return end;
        }
        let greeting = self.server.greeting.clone().unwrap_or(format!("220 {} ESMTP", self.server.hostname));
        dialogue.refused = !is_positive(&greeting);
        self.acted(Stage::Greeting, spoken(greeting))
    }

    /// What is done about a command line, given without its line end.
    pub(crate) fn command(&self, dialogue: &mut Dialogue, line: &str, now: Instant) -> Step {
        let step = self.answer(dialogue, line, now);
        let verb = line.split(' ').next().unwrap_or_default().trim().to_ascii_uppercase();
        let stage = match verb.as_str() {
            "EHLO" | "HELO" => Stage::Ehlo,
            "STARTTLS" => Stage::Starttls,
            "MAIL" => Stage::Mail,
            "RCPT" => Stage::Rcpt,
            "QUIT" => Stage::Quit,
            _ => return step,
        };
        self.acted(stage, step)
    }

    /// What is done where the TLS handshake is due; `None`: the handshake.
    pub(crate) fn handshake(&self) -> Option<Step> {
        let acts = self.acts_at(Stage::Handshake);
        let acts = (!acts.is_empty()).then(|| Step::Act(acts, Box::new(Step::Drop)));
        self.end_at(Stage::Handshake).or(acts)
    }

    fn acts_at(&self, stage: Stage) -> Vec<Act> {
        self.server.acts.iter().filter(|act| act.at == stage).cloned().collect()
    }

    fn acted(&self, stage: Stage, step: Step) -> Step {
        let acts = self.acts_at(stage);
        if acts.is_empty() { step } else { Step::Act(acts, Box::new(step)) }
    }

    fn answer(&self, dialogue: &mut Dialogue, line: &str, now: Instant) -> Step {
        dialogue.commands += 1;
        if dialogue.commands > MAX_COMMANDS {
            return Step::Close(format!("421 4.7.0 {} Too many commands", self.server.hostname));
        }
        let (verb, argument) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let verb = verb.to_ascii_uppercase();
        if verb == "QUIT" {
            if let Some(end) = self.end_at(Stage::Quit) {
                return end;
            }
            let literal = self.replies.get("QUIT").cloned();
            return Step::Close(literal.unwrap_or("221 2.0.0 Bye".into()));
        }
        if dialogue.refused {
            return Step::Reply("503 5.5.1 No service here: say QUIT".into());
        }
        match verb.as_str() {
            "EHLO" | "HELO" => self.hello(dialogue, &verb, argument),
            "STARTTLS" => self.start_tls(dialogue),
            "MAIL" => self.mail(dialogue, argument),
            "RCPT" => self.rcpt(dialogue, argument, now),
            "RSET" => {
                dialogue.reset();
                self.literal("RSET", "250 2.0.0 Ok")
            }
            "NOOP" => self.literal("NOOP", "250 2.0.0 Ok"),
            "VRFY" => self.literal("VRFY", "252 2.0.0 Cannot verify, but will try to deliver"),
            "HELP" => self.literal("HELP", "214 2.0.0 This is a lab: no mail is accepted"),
            "EXPN" | "AUTH" => self.literal(&verb, "502 5.5.1 Not supported"),
            // The lab never takes a message.
            "DATA" | "BDAT" if dialogue.recipients > 0 => Step::Reply("554 5.7.0 This lab accepts no mail".into()),
            "DATA" | "BDAT" => Step::Reply("503 5.5.1 Need RCPT first".into()),
            _ => Step::Reply("500 5.5.2 Command not recognised".into()),
        }
    }

    fn hello(&self, dialogue: &mut Dialogue, verb: &str, argument: &str) -> Step {
        if let Some(end) = self.end_at(Stage::Ehlo) {
            return end;
        }
        if let Some(literal) = self.replies.get(verb) {
            dialogue.greeted |= is_positive(literal);
            return spoken(literal.clone());
        }
        if argument.trim().is_empty() {
            return Step::Reply(format!("501 5.5.4 {verb} needs a name"));
        }
        dialogue.greeted = true;
        dialogue.reset();
        let mut lines = vec![self.server.hostname.clone()];
        if verb == "EHLO" {
            lines.extend(self.server.extensions.iter().cloned());
            if self.server.certificate.is_some() && !dialogue.tls {
                lines.push("STARTTLS".into());
            }
        }
        let last = lines.len() - 1;
        let coded = |(i, line): (usize, &String)| format!("250{}{line}", if i < last { '-' } else { ' ' });
        Step::Reply(lines.iter().enumerate().map(coded).collect::<Vec<_>>().join("\n"))
    }

    fn start_tls(&self, dialogue: &Dialogue) -> Step {
        if let Some(end) = self.end_at(Stage::Starttls) {
            return end;
        }
        let offered = self.server.certificate.is_some() && !dialogue.tls;
        match self.replies.get("STARTTLS") {
            Some(literal) if offered && is_positive(literal) => Step::StartTls(literal.clone()),
            Some(literal) => spoken(literal.clone()),
            None if offered => Step::StartTls("220 2.0.0 Ready to start TLS".into()),
            None => Step::Reply("502 5.5.1 STARTTLS is not offered".into()),
        }
    }

    fn mail(&self, dialogue: &mut Dialogue, argument: &str) -> Step {
        if let Some(end) = self.end_at(Stage::Mail) {
            return end;
        }
        if !dialogue.greeted {
            return Step::Reply("503 5.5.1 Say EHLO first".into());
        }
        if dialogue.sender.is_some() {
            return Step::Reply("503 5.5.1 Nested MAIL".into());
        }
        let Some(sender) = path(argument, "FROM:") else {
            return Step::Reply("501 5.5.4 Expected MAIL FROM:<address>".into());
        };
        let reply = self.addressed("MAIL", &sender).unwrap_or("250 2.1.0 Ok".into());
        if is_positive(&reply) {
            dialogue.sender = Some(sender);
        }
        spoken(reply)
    }

    fn rcpt(&self, dialogue: &mut Dialogue, argument: &str, now: Instant) -> Step {
        if let Some(end) = self.end_at(Stage::Rcpt) {
            return end;
        }
        let Some(sender) = &dialogue.sender else { return Step::Reply("503 5.5.1 Need MAIL first".into()) };
        let Some(recipient) = path(argument, "TO:").filter(|recipient| !recipient.is_empty()) else {
            return Step::Reply("501 5.5.4 Expected RCPT TO:<address>".into());
        };
        let reply = if let Some(literal) = self.addressed("RCPT", &recipient) {
            literal
        } else if self.is_foreign(&recipient) {
            format!("554 5.7.1 <{recipient}>: Relay access denied")
        } else if !self.exists(&recipient) {
            format!("550 5.1.1 <{recipient}> User unknown")
        } else if let Some(put_off) = self.put_off((dialogue.client, sender.clone(), recipient), now) {
            put_off
        } else {
            "250 2.1.5 Ok".into()
        };
        if is_positive(&reply) {
            dialogue.recipients += 1;
        }
        spoken(reply)
    }

    /// Whether a server that is no relay has nothing to do with the domain.
    fn is_foreign(&self, recipient: &str) -> bool {
        let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('.'));
        let ours = domain.is_empty() || domain.to_ascii_lowercase().ends_with(".example");
        !self.server.relay && self.server.accept.is_none() && !ours
    }

    fn exists(&self, recipient: &str) -> bool {
        let domain = recipient.rfind('@').map_or("", |at| &recipient[at..]);
        let matches = |known: &String| known.eq_ignore_ascii_case(recipient) || known.eq_ignore_ascii_case(domain);
        self.server.relay || self.server.accept.as_ref().is_none_or(|accepted| accepted.iter().any(matches))
    }

    /// The greylist's reply; `None` when it lets the triplet pass.
    fn put_off(&self, triplet: (IpAddr, String, String), now: Instant) -> Option<String> {
        let Greylist { delay, reply, retry_window } = self.server.greylist.as_ref()?;
        let mut memory = self.greylist.lock().unwrap_or_else(PoisonError::into_inner);
        match memory.get(&triplet).map(|first| now.saturating_duration_since(*first)) {
            Some(age) if age < *delay => {}
            Some(age) if age <= retry_window.unwrap_or(RETRY_WINDOW) => return None,
            _ if memory.len() < MAX_TRIPLETS => drop(memory.insert(triplet, now)),
            _ => {}
        }
        Some(reply.clone())
    }

    /// The literal reply for an address: its own, its domain's, or the command's.
    fn addressed(&self, verb: &str, address: &str) -> Option<String> {
        let domain = address.rfind('@').map_or("", |at| &address[at..]);
        // The null sender is written `<>`.
        let address = if address.is_empty() { "<>" } else { address };
        let keys = [key(verb, address), key(verb, domain), key(verb, "")];
        keys.iter().find_map(|key| self.replies.get(key)).cloned()
    }

    fn literal(&self, verb: &str, otherwise: &str) -> Step {
        spoken(self.replies.get(verb).cloned().unwrap_or(otherwise.into()))
    }

    fn end_at(&self, stage: Stage) -> Option<Step> {
        if self.server.drop_at == Some(stage) {
            return Some(Step::Drop);
        }
        (self.server.silent_at == Some(stage)).then_some(Step::Silent)
    }
}

fn key(verb: &str, argument: &str) -> String {
    format!("{verb} {}", argument.to_ascii_lowercase()).trim_end().to_owned()
}

/// A reply; 421 closes the channel (RFC 5321 §3.8).
fn spoken(reply: String) -> Step {
    if reply.starts_with("421") { Step::Close(reply) } else { Step::Reply(reply) }
}

fn is_positive(reply: &str) -> bool {
    reply.starts_with('2')
}

/// The address of `FROM:<address> …` or `TO:<address> …`.
fn path(argument: &str, keyword: &str) -> Option<String> {
    let (word, rest) = argument.trim_start().split_at_checked(keyword.len())?;
    let (path, _parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    word.eq_ignore_ascii_case(keyword).then(|| path.to_owned())
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
