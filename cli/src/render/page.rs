//! A finding's page on a terminal.

use engine_plugin_api::FindingSpec;

use super::{escape, wrapped};

/// The page without its scenarios, wrapped.
pub fn text(public: &str, check: &str, spec: &FindingSpec) -> String {
    let about = format!(
        "{public}: {}, confidence {}, found by `{check}` since {}",
        spec.severity.word(),
        spec.confidence.word(),
        spec.since
    );
    let mut out = format!("{}\n\n  {}\n", escape::line(&spec.title), escape::line(&about));
    for heading in ["What it means", "Why it matters", "How to fix it", "When to ignore it", "Source"] {
        if let Some(section) = spec.section(heading) {
            out.push_str(&format!("\n{heading}\n{}", body(section)));
        }
    }
    out
}

/// Paragraphs are joined and wrapped; lists and code keep their lines.
fn body(section: &str) -> String {
    let mut out = String::new();
    let mut paragraph = String::new();
    let mut fenced = false;
    let flush = |paragraph: &mut String, out: &mut String| {
        if !paragraph.is_empty() {
            out.push_str(&wrapped(paragraph, 2));
            out.push('\n');
            paragraph.clear();
        }
    };
    for line in section.lines() {
        let literal = fenced || line.starts_with("    ") || line.starts_with('|');
        if line.starts_with("```") {
            flush(&mut paragraph, &mut out);
            fenced = !fenced;
        } else if literal {
            flush(&mut paragraph, &mut out);
            out.push_str(&format!("    {}\n", escape::line(line.trim_end())));
        } else if line.trim().is_empty() {
            flush(&mut paragraph, &mut out);
            out.push('\n');
        } else {
            if line.trim_start().starts_with("- ") || line.trim_start().starts_with("* ") {
                flush(&mut paragraph, &mut out);
            } else if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(&mut paragraph, &mut out);
    out.replace('`', "").replace("**", "")
}
