//! An SMTP status code on a terminal.

use smtp_reasons::{CodeExplanation, Overlay, Standing};

use super::{labelled, wrapped};

/// What is known of the code, wrapped.
pub fn text(code: &CodeExplanation<'_>) -> String {
    let mut out = String::new();
    let mut paragraph = |text: &str| {
        out.push_str(&wrapped(text, 2));
        out.push('\n');
    };
    if let Some(number) = code.basic_code {
        match code.basic {
            Some(entry) => {
                let whence = match entry.standing {
                    Standing::Folklore => "in no RFC".to_owned(),
                    Standing::Standard | Standing::Extension | Standing::Registry => entry.references.join(", "),
                };
                paragraph(&format!("{number}: {} ({whence})", entry.title));
                paragraph(&entry.meaning);
                if let Some(instead) = &entry.instead {
                    paragraph(&format!("Standards have {instead} for it."));
                }
            }
            None => paragraph(&format!("{number}: in no RFC, and in no list that this engine knows.")),
        }
    }
    if let Some(status) = &code.status_code {
        match code.status {
            Some(entry) => {
                paragraph(&format!("{status}: {} ({})", entry.title, entry.references.join(", ")));
                paragraph(&entry.meaning);
                if !entry.replies.is_empty() {
                    paragraph(&format!("Goes with {}.", entry.replies.join(", ")));
                }
            }
            None => paragraph(&format!("{status}: not registered with IANA. What its parts say:")),
        }
    }
    for digit in [code.class, code.subject].into_iter().flatten().filter(|_| code.status.is_none()) {
        paragraph(&format!("{}: {}", digit.title, digit.meaning));
    }
    if code.mismatch {
        paragraph("The first digits of the two codes differ, which RFC 2034 §4 forbids: one of them is wrong.");
    }
    out.push('\n');
    let unsure = if code.vague { " (the code alone does not settle it: the words of the reply decide)" } else { "" };
    out.push_str(&labelled("Means", &format!("{}{unsure}", code.reason.title)));
    out.push_str(&labelled("", &code.reason.meaning));
    out.push_str(&labelled("Do", &code.reason.remedy));
    out.push_str(&labelled("Who", code.reason.actor.phrase()));
    if !code.goes_with.is_empty() {
        let statuses: Vec<String> =
            code.goes_with.iter().map(|entry| format!("{} ({})", entry.code, entry.title)).collect();
        out.push_str(&labelled("Codes", &format!("beside it stand {}", statuses.join("; "))));
    }
    out.push_str(&providers(&code.providers));
    out
}

/// What providers mean by it, those that differ from IANA marked.
fn providers(overlays: &[Overlay<'_>]) -> String {
    let mut out = String::new();
    if overlays.is_empty() {
        return out;
    }
    out.push_str("\nWhat providers mean by it\n");
    for overlay in overlays {
        let differs = if overlay.differs { " [not IANA's meaning]" } else { "" };
        let codes: Vec<String> = overlay.rule.codes.iter().map(ToString::to_string).collect();
        let line = format!("- {} {}: {}{differs}", overlay.provider.name, codes.join(", "), overlay.rule.meaning);
        out.push_str(&wrapped(&line, 2));
        out.push('\n');
    }
    out
}
