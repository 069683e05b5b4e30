//! Whether a message without a standard report is a bounce.

use crate::{
    address::mailboxes_in,
    decode::{Reading, is_returned, is_status},
    human::{BlockKind, Human, says_why},
    mime::floor,
    model::Kind,
};

impl Reading<'_> {
    /// What kind of message it is, where no standard report says so.
    pub(crate) fn kind(&self, human: &Human<'_>) -> Kind {
        let head = &self.mail.head;
        let value = |name: &str| head.get(name).map(|v| v.to_lowercase()).unwrap_or_default();
        let subject = self.mail.decoded("Subject").unwrap_or_default().to_lowercase();
        let from = self.mail.decoded("From").unwrap_or_default().to_lowercase();
        let local = mailboxes_in(&from).first().and_then(|a| a.rsplit_once('@')).map(|(local, _)| local.to_owned());
        let local = local.unwrap_or_else(|| from.trim_matches(['<', '>', ' ']).to_owned());
        let path = value("Return-Path");
        let nobody = path == "<>" || path.contains("mailer-daemon") || from.ends_with("<>");
        let system = self.rules.is_system(&from, &local) || from.is_empty();
        let answer =
            ["re:", "aw:", "fwd:", "fw:", "wg:", "sv:", "antw:", "tr:"].iter().any(|mark| subject.starts_with(mark));
        let titled = self.rules.is_subject(&subject) && !answer;
        let said = human.said;
        let coded = human.blocks.iter().any(|block| block.kind != BlockKind::Inline && has_reply(&block.said));
        let failed_header = head.get("X-Failed-Recipients").is_some();
        let auto = value("Auto-Submitted").starts_with("auto-replied")
            || !value("X-Autoreply").is_empty()
            || !value("X-Autorespond").is_empty()
            || value("Precedence") == "auto_reply";
        if self.rules.is_autoreply(&subject) && !titled && !failed_header && !coded {
            return Kind::AutoReply;
        }
        let listed = human.blocks.iter().any(|block| block.kind != BlockKind::Inline);
        let standard = self.mail.report.as_deref() == Some("delivery-status")
            || self.mail.parts.iter().any(|part| is_status(&part.kind));
        let speaks = said.failure || said.delay || said.expired || coded;
        let plainly = system && speaks && (titled || listed);
        let explained = !speaks && system && titled && human.blocks.iter().any(|block| says_why(&block.said));
        let points: i32 = [
            (system, 2),
            (titled, 2),
            (said.failure || said.delay || said.expired || explained, 2),
            (coded, 2),
            (listed || !human.blocks.is_empty(), 1),
            (human.exchanges.iter().any(|e| has_reply(&e.reply)), 2),
            (nobody, 1),
            (failed_header, 3),
            (standard, 3),
            (human.blocks.iter().any(|block| block.kind == BlockKind::Inline), 1),
            (answer, -3),
            // A list may pass a bounce on to its owner, and adds its own header.
            (head.get("List-Id").is_some() && !nobody && !plainly, -3),
            (head.get("List-Unsubscribe").is_some() && !nobody && !plainly, -2),
            (head.get("In-Reply-To").is_some() && !system && !nobody, -2),
        ]
        .into_iter()
        .filter_map(|(there, weight)| there.then_some(weight))
        .sum();
        let says_so = speaks || failed_header || standard || explained || (titled && system && nobody);
        // Shops and people, too, write that something could not be delivered; they do not return the message.
        let returned = human.original.is_some() || self.mail.parts.iter().any(|part| is_returned(&part.kind));
        let by_machine = system || nobody || coded || failed_header || standard || (titled && listed && returned);
        // A bounce that was saved or pasted without its header has its text alone.
        let bare = head.is_empty() && said.failure && (coded || listed);
        if (points >= 5 && says_so && by_machine) || bare {
            let final_words = said.expired && !subject.contains("delay") && !subject.contains("warning");
            return if said.delay && !final_words { Kind::Delay } else { Kind::Bounce };
        }
        if auto || self.rules.is_autoreply(&subject) { Kind::AutoReply } else { Kind::Other }
    }
}

pub(crate) fn has_reply(said: &str) -> bool {
    smtp_reasons::parse(&said[..floor(said, 600)])
        .replies
        .iter()
        .any(|reply| reply.class().is_some_and(smtp_reasons::Class::is_refusal))
}
