//! An SMTP status code on a terminal.

use smtp_reasons::{CodeExplanation, Knowledge, Overlay, Reason, Standing, StatusCode};

use super::{escape, labelled, margins, wrapped};

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
    out.push_str(&reason(code));
    out.push_str(&goes_with(code));
    out.push_str(&providers(code));
    out
}

/// What it stands for. A code that no standard has, and one that stands for
/// anything, say nothing without the words beside them.
fn reason(code: &CodeExplanation<'_>) -> String {
    let folklore = code.status_code.is_none() && code.basic.is_none_or(|entry| entry.standing == Standing::Folklore);
    if folklore || (code.vague && code.reason.id == Reason::Unexplained) {
        let do_this = "Give the whole reply, with its words: engine explain \"CODE WORDS …\".";
        return labelled("Means", "nothing certain by itself: the words of the reply decide")
            + &labelled("Do", do_this);
    }
    let mut out = String::new();
    if code.status_code.is_some() && code.status.is_none() && !code.providers.is_empty() {
        return labelled("Means", "what the provider that sends it means by it; IANA has not registered it");
    }
    if code.vague {
        out.push_str(&labelled("Means", &format!("most often: {}; the words of the reply decide", code.reason.title)));
    } else {
        out.push_str(&labelled("Means", &code.reason.title));
    }
    out.push_str(&labelled("", &code.reason.meaning));
    out.push_str(&labelled("Do", &code.reason.remedy));
    out.push_str(&labelled("Who", code.reason.actor.phrase()));
    out
}

/// The enhanced codes that IANA associates with a reply code, one a line.
fn goes_with(code: &CodeExplanation<'_>) -> String {
    let mut out = String::new();
    let Some(basic) = code.basic_code.filter(|_| !code.goes_with.is_empty()) else { return out };
    out.push_str("\nEnhanced codes that tell more\n");
    for entry in &code.goes_with {
        // The class of the reply is that of the enhanced code (RFC 2034 §4).
        let shown = entry.code.to_string().replacen('X', &(basic / 100).to_string(), 1);
        let options = margins("  ", "          ");
        out.push_str(&textwrap::fill(&escape::lines(&format!("{shown:<7} {}", entry.title)), options));
        out.push('\n');
    }
    out
}

/// What providers mean by it, under each provider. Where IANA's meaning is
/// general, each of these is a case of it; else those that differ are marked.
fn providers(code: &CodeExplanation<'_>) -> String {
    let mut out = String::new();
    if code.providers.is_empty() {
        return out;
    }
    let clash = |overlay: &Overlay<'_>| overlay.differs && code.status.is_some_and(|status| !status.vague);
    out.push_str("\nWhat providers mean by it (their words tell which)\n");
    let mut done: Vec<&str> = Vec::new();
    // A code under the class that was asked for comes first.
    let mut overlays: Vec<&Overlay<'_>> = code.providers.iter().collect();
    overlays.sort_by_key(|overlay| other_class(code, overlay).is_some());
    for first in &overlays {
        if done.contains(&first.provider.name.as_str()) {
            continue;
        }
        done.push(&first.provider.name);
        out.push_str(&format!("  {}\n", escape::lines(&first.provider.name)));
        for overlay in overlays.iter().filter(|overlay| overlay.provider.name == first.provider.name) {
            let other_class = other_class(code, overlay).map(|shown| format!(" (as {shown})")).unwrap_or_default();
            let differs = if clash(overlay) { " [not IANA's meaning]" } else { "" };
            let line = format!("{}{other_class}{differs}", overlay.rule.meaning);
            out.push_str(&textwrap::fill(&escape::lines(&line), margins("  - ", "    ")));
            out.push('\n');
            if code.status_code.is_some() && code.status.is_none() {
                let usual = Knowledge::builtin().reason(overlay.rule.reason);
                let step = overlay.rule.remedy.as_deref().unwrap_or(&usual.remedy);
                let who = overlay.rule.actor.unwrap_or(usual.actor).phrase();
                let step = format!("Do: {step} Who: {who}.");
                out.push_str(&textwrap::fill(&escape::lines(&step), margins("    ", "    ")));
                out.push('\n');
            }
        }
    }
    out
}

/// The code as the provider uses it, where that is under another class only.
fn other_class(code: &CodeExplanation<'_>, overlay: &Overlay<'_>) -> Option<String> {
    let asked: StatusCode = code.status_code.as_deref()?.parse().ok()?;
    let uses = |class| overlay.rule.codes.iter().any(|code| code.matches(StatusCode { class, ..asked }));
    let other = if asked.class == 5 { 4 } else { 5 };
    (!uses(asked.class) && uses(other)).then(|| StatusCode { class: other, ..asked }.to_string())
}
