//! `engine diagnose`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use diagnosis::{Diagnosis, FORMAT, Given, Missing, Proofs, Stated, Step, Verdict, conclude, weigh};
use engine_core::{
    config::{Config, parse_duration},
    plan::Choice,
    profile::Profile,
    registry::Registry,
    schema::misfit,
    session::{self, Order},
};
use engine_plugin_api::{
    Target,
    serde_json::{self, Value},
};

use super::{registry, run::configuration};
use crate::{
    args::{Diagnose, Format},
    complaint::Complaint,
    exit::Exit,
    message, network,
    output::{print, print_json, print_styled},
    progress::Progress,
    render::diagnosis as render,
    target,
};

/// How long a check may take unless the configuration says otherwise.
const DEADLINE: Duration = Duration::from_secs(120);

/// Finds the stated causes, runs the checks that prove or refute them, and says what came of it.
pub fn diagnose(arguments: &Diagnose) -> Result<Exit, Complaint> {
    let registry = registry(&[])?;
    let config = configuration(arguments.config.as_deref(), &registry)?;
    let deadline = config.net.deadline.as_deref().map_or(Ok(DEADLINE), parse_duration).map_err(Complaint::new)?;
    let given = Given {
        domain: arguments.domain.as_deref().map(target::domain).transpose()?,
        ip: arguments.ip,
        helo: arguments.helo.as_deref().map(target::helo).transpose()?,
    };
    // It gives severities; which checks are made is decided by the causes.
    let profile = config.profile("full").map_err(Complaint::new)?.clone();
    let causes = causes(&arguments.what, &given)?;
    let plans: Vec<(Vec<Step>, Vec<Missing>)> = causes.iter().map(|cause| plan(cause, &registry, &config)).collect();
    if arguments.dry_run {
        let text: String =
            causes.iter().zip(&plans).map(|(cause, (steps, missing))| render::plan(cause, steps, missing)).collect();
        print(&text)?;
        return Ok(Exit::Good);
    }
    let world = arguments.reach.lab.as_deref().map(network::world).transpose()?;
    let (results, interrupted) =
        network::during(&arguments.reach, &config, world.as_ref(), async |network, interrupt| {
            let mut results = Vec::new();
            for (cause, (steps, missing)) in causes.iter().zip(plans) {
                let progress = Progress::begin(&cause.title);
                let mut measured: Vec<Option<diagnosis::Measured>> = vec![None; steps.len()];
                for order in orders(&steps, &config, &profile, deadline) {
                    let only = order.choice.only.clone();
                    let target = order.target.clone();
                    let finished = session::run(&registry, network, order, interrupt.clone(), progress.listener())
                        .await
                        .map_err(Complaint::new)?;
                    for (step, place) in steps.iter().zip(&mut measured) {
                        if only.contains(&step.proof.check) && step.target == target {
                            *place = Some(weigh(step, &finished.report));
                        }
                    }
                }
                results.push(conclude(cause, measured.into_iter().flatten().collect(), missing));
                if *interrupt.borrow() {
                    break;
                }
            }
            let interrupted = *interrupt.borrow();
            Ok((results, interrupted))
        })?;
    let diagnosis = Diagnosis {
        format: FORMAT.to_owned(),
        engine: session::VERSION.to_owned(),
        given: arguments.what.clone(),
        results,
    };
    let printed = match arguments.format {
        Format::Json => print_json(&serde_json::to_string(&diagnosis).map_err(Complaint::new)?),
        Format::Text => print_styled(&render::text(&diagnosis)),
    };
    match printed {
        Ok(()) | Err(Complaint::Closed) => {}
        Err(complaint) => return Err(complaint),
    }
    let verdicts = || diagnosis.results.iter().map(|result| result.verdict);
    Ok(match verdicts().max() {
        _ if interrupted => Exit::Interrupted,
        Some(Verdict::Confirmed) => Exit::Findings,
        Some(Verdict::Refuted) => Exit::Good,
        _ => Exit::CouldNotTell,
    })
}

/// What is stated by what was given: a file, standard input, or words.
fn causes(what: &str, given: &Given) -> Result<Vec<Stated>, Complaint> {
    let proofs = Proofs::shipped();
    let symptoms = || proofs.symptoms().collect::<Vec<_>>().join(", ");
    if what == "-" || Path::new(what).is_file() {
        let message = message::read(what)?;
        let reports = bounce::decode(&message.bytes);
        let found: Vec<Stated> = reports.iter().flat_map(|report| diagnosis::stated_of_bounce(report, given)).collect();
        // A file may hold nothing but a reply that was copied from a log.
        let text = || String::from_utf8_lossy(&message.bytes).into_owned();
        let found = if found.is_empty() { diagnosis::stated_of_reply(&text(), given) } else { found };
        if found.is_empty() {
            return Err(Complaint::new(format!("{what} is no bounce, and holds no reply of a server"))
                .hint("give the message that came back, as it was saved, or the reply in quotation marks"));
        }
        return Ok(found);
    }
    let found = diagnosis::stated(what, given, proofs);
    if found.is_empty() {
        return Err(Complaint::new(format!(
            "`{what}` is no file, no reply with a known code or wording, and no symptom"
        ))
        .hint(format!("give a bounce, \"550 5.7.26 …\", or one of {}", symptoms())));
    }
    Ok(found)
}

/// The steps for a cause whose settings the checks take.
fn plan(cause: &Stated, registry: &Registry, config: &Config) -> (Vec<Step>, Vec<Missing>) {
    let (steps, mut missing) = Proofs::shipped().plan(cause, registry);
    let (steps, wrong): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(|step| {
        let id = &step.proof.check;
        let Some(check) = registry.check(id) else { return false };
        let settings = settings(step, config).remove(id).unwrap_or(Value::Null);
        let fits = settings.is_null() || misfit(&check.manifest.config_schema, &settings).is_none();
        fits && check.instance(settings).is_ok()
    });
    for step in wrong {
        let lists = cause.subjects.lists.join(", ");
        let why = format!("the list that is named ({lists}) is none that this engine asks");
        missing.push(Missing { check: step.proof.check, why });
    }
    (steps, missing)
}

/// The user's settings of the check, with those of the step over them.
fn settings(step: &Step, config: &Config) -> BTreeMap<String, Value> {
    let id = &step.proof.check;
    let mut own = config.checks.get(id).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let (Some(Value::Object(more)), Value::Object(own)) = (step.settings.get(id), &mut own) {
        own.extend(more.clone());
    }
    BTreeMap::from([(id.clone(), own)])
}

/// One order for each target, with all checks that examine it.
fn orders(steps: &[Step], config: &Config, profile: &Profile, deadline: Duration) -> Vec<Order> {
    let mut orders: Vec<Order> = Vec::new();
    for step in steps {
        let own = settings(step, config);
        match orders.iter_mut().find(|order| order.target == step.target) {
            Some(order) => {
                order.choice.only.push(step.proof.check.clone());
                order.settings.extend(own);
            }
            None => orders.push(order(step.target.clone(), &step.proof.check, own, profile, deadline)),
        }
    }
    orders
}

fn order(
    target: Target,
    check: &str,
    settings: BTreeMap<String, Value>,
    profile: &Profile,
    deadline: Duration,
) -> Order {
    Order {
        target,
        profile_name: "diagnose".to_owned(),
        profile: profile.clone(),
        choice: Choice { only: vec![check.to_owned()], skip: Vec::new() },
        settings,
        deadline,
        longest_wait: Duration::ZERO,
        options: String::new(),
    }
}
