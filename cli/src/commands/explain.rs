//! `engine explain`.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Read},
    sync::Arc,
    time::Duration,
};

use engine_core::{
    nearest,
    net::NetOptions,
    plan::Choice,
    profile::Profile,
    registry::Registry,
    report::Report,
    session::{self, Network, Order},
};
use engine_plugin_api::Target;
use smtp_reasons::RuleFile;

use super::{registry, run::configuration};
use crate::{
    args::{Explain, Format},
    complaint::Complaint,
    exit::Exit,
    output::{print, print_json, print_styled},
    render::{code, explained, page, text},
    rules,
};

/// The check that explains replies.
const EXPLAINER: &str = "smtp-codes";

/// The most bytes of standard input that are read.
const LONGEST_INPUT: u64 = 1 << 20;

/// Explains a finding code, a status code or a reply.
pub fn explain(arguments: &Explain) -> Result<Exit, Complaint> {
    let words = match arguments.words.as_slice() {
        [] => input()?,
        [dash] if dash == "-" => input()?,
        words => words.join(" "),
    };
    let words = words.trim();
    let json = arguments.format == Format::Json;
    // A finding of our own is explained whatever the user's files hold.
    if finding(&builtin_checks::registry().map_err(Complaint::new)?, words, json)? {
        return Ok(Exit::Good);
    }
    let registry = registry(&arguments.plugin)?;
    if finding(&registry, words, json)? {
        return Ok(Exit::Good);
    }
    let config = configuration(arguments.config.as_deref(), &registry)?;
    let own = rules::read(&arguments.rules, &config)?;
    let knowledge = rules::knowledge(&own)?;
    if let Some(explanation) = knowledge.explain_code(words) {
        match json {
            true => print_json(&explained::code(words, &explanation).to_string())?,
            false => print(&code::text(&explanation))?,
        }
        return Ok(Exit::Good);
    }
    let (pasted, explanations) = knowledge.explain_all(words);
    if looks_like_a_reply(words) && !explanations.is_empty() {
        let report = reply(&registry, words, &own)?;
        if json {
            print_json(&explained::replies(words, pasted.cut, &explanations).to_string())?;
        } else {
            print_styled(text::findings(&report).trim_start_matches('\n'))?;
            print(&explained::named(words, &explanations))?;
        }
        return Ok(if report.could_not_tell.is_empty() { Exit::Good } else { Exit::CouldNotTell });
    }
    let complaint = Complaint::new(format!("`{}` is no finding code, status code or SMTP reply", shortened(words)));
    Err(match nearest(words, registry.codes()) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None if words.contains('/') && !words.contains(char::is_whitespace) => complaint
            .hint("a plugin that was not added is named with --plugin FILE; engine plugin list shows the others"),
        None => complaint.hint(
            "give for example mx-alias, 5.7.23, 550 or a whole reply; engine list findings prints the finding codes",
        ),
    })
}

/// Prints the page of the finding that `words` name, if there is one.
fn finding(registry: &Registry, words: &str, json: bool) -> Result<bool, Complaint> {
    let Some((check, spec)) = registry.finding(words) else { return Ok(false) };
    match json {
        true => print_json(&explained::finding(words, check, spec).to_string())?,
        false => print(&page::text(words, check, spec))?,
    }
    Ok(true)
}

fn shortened(words: &str) -> String {
    if words.chars().count() > 80 {
        format!("{}…", words.chars().take(80).collect::<String>())
    } else {
        words.to_owned()
    }
}

/// Standard input, as text whatever its encoding.
fn input() -> Result<String, Complaint> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Complaint::new("nothing to explain was given")
            .hint("give a code or a reply (engine explain \"550 5.7.1 …\"), or pipe it in"));
    }
    let mut bytes = Vec::new();
    stdin.lock().take(LONGEST_INPUT).read_to_end(&mut bytes)?;
    let wide = |of: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect::<String>()
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned(),
    };
    if text.contains('\0') {
        return Err(Complaint::new("standard input is binary data, no reply").hint("pipe in the text of the reply"));
    }
    Ok(text)
}

/// A mistyped code is one word without a digit; no reply is.
fn looks_like_a_reply(words: &str) -> bool {
    words.contains(char::is_whitespace) || words.contains(|c: char| c.is_ascii_digit())
}

/// A whole reply is explained by the check that a run would use; it asks no network.
fn reply(registry: &Registry, reply: &str, own: &[RuleFile]) -> Result<Report, Complaint> {
    let mut settings = BTreeMap::new();
    rules::give(own, registry, &mut settings);
    let order = Order {
        target: Target { shown: reply.to_owned(), reply: Some(reply.to_owned()), ..Target::default() },
        profile_name: "explain".to_owned(),
        profile: Profile::of_all_checks(),
        choice: Choice { only: vec![EXPLAINER.to_owned()], skip: Vec::new() },
        settings,
        deadline: Duration::from_secs(10),
        longest_wait: Duration::ZERO,
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
