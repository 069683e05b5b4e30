//! A diagnosis for people: what is stated, what was measured, what follows.

use anstyle::{AnsiColor, Style};
use diagnosis::{Diagnosis, Missing, Stated, Step, Verdict};

use super::{escape, labelled, quote, text, wrapped};

/// The whole diagnosis.
pub fn text(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    for result in &diagnosis.results {
        if !out.is_empty() {
            out.push('\n');
        }
        let bold = Style::new().bold();
        let about = result.stated.recipient.as_deref().map(|r| format!("{r}: ")).unwrap_or_default();
        out.push_str(&format!("{bold}{}{bold:#}\n", escape::line(&format!("{about}{}", result.stated.title))));
        let codes = result.stated.codes.as_deref().map(|codes| format!(" with {codes}")).unwrap_or_default();
        out.push_str(&wrapped(&format!("Stated{codes} [{}]", result.stated.reason), 2));
        out.push('\n');
        if let Some(quoted) = &result.stated.quote {
            for line in quote::lines(quoted) {
                out.push_str(&format!("{line}\n"));
            }
        }
        out.push('\n');
        for measured in &result.measured {
            let line = format!("{} of {}: {}", measured.check, measured.of, measured.verdict.words());
            out.push_str(&labelled("Looked", &line));
            out.push_str(&labelled("", &measured.why));
        }
        for missing in &result.not_measured {
            out.push_str(&labelled("Not", missing));
        }
        let style = style(result.verdict);
        out.push_str(&format!("\n  {style}{}{style:#}\n", result.verdict.words().to_uppercase()));
        out.push_str(&wrapped(&format!("{}.", result.why), 2));
        out.push('\n');
        out.push_str(&text::remedy(&result.remedy));
        out.push_str(&labelled("Who", result.actor.phrase()));
    }
    out
}

/// What would be run for one cause.
pub fn plan(cause: &Stated, steps: &[Step], missing: &[Missing]) -> String {
    let mut out = format!("{} [{}]\n", escape::line(&cause.title), cause.reason.word());
    for step in steps {
        out.push_str(&escape::line(&format!(
            "  run   {:12} of {}: whether {}",
            step.proof.check, step.target.shown, step.proof.why
        )));
        out.push('\n');
    }
    for missing in missing {
        out.push_str(&escape::line(&format!("  skip  {:12} {}", missing.check, missing.why)));
        out.push('\n');
    }
    if steps.is_empty() && missing.is_empty() {
        out.push_str("  no live check can prove or refute this cause\n");
    }
    out
}

fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Confirmed => AnsiColor::Red,
        Verdict::CouldNotTell => AnsiColor::Yellow,
        Verdict::Refuted => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}
