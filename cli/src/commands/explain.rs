//! `engine explain`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine_core::{
    nearest,
    net::NetOptions,
    plan::Choice,
    profile::{All, Profile, Selection},
    registry::Registry,
    report::Report,
    session::{self, Network, Order},
};
use engine_plugin_api::Target;

use super::{print, registry};
use crate::{
    args::Explain,
    complaint::Complaint,
    exit::Exit,
    render::{code, page, text},
};

/// The check that explains replies.
const EXPLAINER: &str = "smtp-codes";

/// Explains a finding code, a status code or a reply.
pub fn explain(arguments: &Explain) -> Result<Exit, Complaint> {
    let registry = registry(&[])?;
    let words = arguments.words.join(" ");
    let words = words.trim();
    if let Some((check, spec)) = registry.finding(words) {
        print(&page::text(words, check, spec))?;
        return Ok(Exit::Good);
    }
    if let Some(explanation) = smtp_reasons::explain_code(words) {
        print(&code::text(&explanation))?;
        return Ok(Exit::Good);
    }
    if looks_like_a_reply(words) && !smtp_reasons::parse(words).replies.is_empty() {
        let report = reply(&registry, words)?;
        print(text::findings(&report).trim_start_matches('\n'))?;
        return Ok(if report.could_not_tell.is_empty() { Exit::Good } else { Exit::CouldNotTell });
    }
    let complaint = Complaint::new(format!("`{words}` is no finding code, status code or SMTP reply"));
    Err(match nearest(words, registry.codes()) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None => complaint.hint(
            "give for example mx-alias, 5.7.23, 550 or a whole reply; engine list findings prints the finding codes",
        ),
    })
}

/// A mistyped code is one word without a digit; no reply is.
fn looks_like_a_reply(words: &str) -> bool {
    words.contains(char::is_whitespace) || words.contains(|c: char| c.is_ascii_digit())
}

/// A whole reply is explained by the check that a run would use; it asks no network.
fn reply(registry: &Registry, reply: &str) -> Result<Report, Complaint> {
    let order = Order {
        target: Target { shown: reply.to_owned(), reply: Some(reply.to_owned()), ..Target::default() },
        profile_name: "explain".to_owned(),
        profile: Profile {
            summary: String::new(),
            checks: Selection::All(All::All),
            severities: BTreeMap::new(),
            mute: Vec::new(),
            settings: BTreeMap::new(),
        },
        choice: Choice { only: vec![EXPLAINER.to_owned()], skip: Vec::new() },
        settings: BTreeMap::new(),
        deadline: Duration::from_secs(10),
        options: String::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let network = Network::new(&NetOptions::new(Vec::new()), None);
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    let finished = runtime
        .block_on(session::run(registry, &network, order, interrupt, Arc::new(|_| ())))
        .map_err(Complaint::new)?;
    Ok(finished.report)
}
