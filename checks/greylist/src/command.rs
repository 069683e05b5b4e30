//! Commands and settings to paste.

use std::time::Duration;

use crate::{LONGEST_WAIT, duration, facts::Facts};

/// The command that tries again after `wait`, or the longest wait
/// that is taken, with the same triplet.
pub(crate) fn confirm(facts: &Facts, wait: Duration) -> String {
    let mut command = format!("engine run --only greylist --recipient {}", quoted(&facts.recipient));
    if let Some(sender) = &facts.sender_given {
        command.push_str(&format!(" --sender {}", quoted(sender)));
    }
    command.push_str(&format!(" --wait {} {}", duration::setting(wait.min(LONGEST_WAIT)), quoted(&facts.domain)));
    command
}

/// The word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+' | '=' | '%' | '/' | ':');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The setting that makes the delay five minutes, where the reply shows whose it is.
pub(crate) fn software_setting(reply: &str) -> Option<&'static str> {
    let reply = reply.to_lowercase();
    SETTINGS.iter().find(|(words, _)| reply.contains(words)).map(|(_, setting)| *setting)
}

/// Words of a product's own reply, and its setting. Sources: postgrey(8),
/// sqlgrey.conf, greylist.conf(5) of milter-greylist.
const SETTINGS: [(&str, &str); 3] = [
    ("postgrey", "# /etc/default/postgrey (Debian)\nPOSTGREY_OPTS=\"--inet=10023 --delay=300\""),
    ("greylisting in action, please come back", "# greylist.conf of milter-greylist\nracl greylist default delay 5m"),
    ("greylisted for", "# sqlgrey.conf, if it is sqlgrey\nreconnect_delay = 5"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_safe_in_a_shell() {
        for (word, expected) in [
            ("a+b@d.example", "a+b@d.example"),
            ("o'x@d.example", r"'o'\''x@d.example'"),
            ("", "''"),
            ("$(x)@d", "'$(x)@d'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
