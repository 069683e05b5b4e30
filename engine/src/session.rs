//! One run from beginning to end, live or replayed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine_plugin_api::{ConfigError, Target};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    deadline::Clock,
    net::{
        Layer, NetOptions,
        budget::Budget,
        cache::Cache,
        call::Looks,
        now_ms,
        policy::Policy,
        recorder::{Recorder, SharedJournal},
        replay::Replay,
        sockets::Sockets,
    },
    plan::{Choice, Plan, UnknownCheck},
    profile::Profile,
    recording::{self, Commission, Journal, Recording, Vantage, redact, secrets},
    registry::Registry,
    report::{EvidenceEntry, FORMAT, MessageReport, Report, rfc3339},
    schedule::{self, Job, Listener},
    settle::settle,
};

/// The engine's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The network as the runs of one process share it: one cache, one set of
/// resolvers, one politeness towards each mail server.
pub struct Network {
    shared: Arc<dyn Layer>,
    vantage: Vantage,
}

impl Network {
    /// Opens nothing yet. `instead` names the lab or route file that stands in
    /// for the network, if one does.
    pub fn new(options: &NetOptions, instead: Option<String>) -> Self {
        let sockets: Arc<dyn Layer> = Arc::new(Sockets::new(options));
        let policy: Arc<dyn Layer> = Arc::new(Policy { below: sockets, allow_private: options.allow_private });
        let vantage = Vantage {
            resolvers: options.resolvers.iter().map(ToString::to_string).collect(),
            ehlo: options.ehlo.clone(),
            source: options.source.map(|source| source.to_string()),
            instead_of_network: instead,
            own_roots: options.extra_root_files.clone(),
        };
        Network { shared: Arc::new(Cache::new(policy)), vantage }
    }
}

/// What to do in a run.
#[derive(Clone, Debug)]
pub struct Order {
    /// What to examine.
    pub target: Target,
    /// The profile's name, for the report.
    pub profile_name: String,
    /// The profile.
    pub profile: Profile,
    /// What the user chose beside it.
    pub choice: Choice,
    /// The settings of the checks, by id; they fit the schemas.
    pub settings: BTreeMap<String, Value>,
    /// How long a check may take, waits that it asks for not counted.
    pub deadline: Duration,
    /// How long a check may wait in all.
    pub longest_wait: Duration,
    /// The options that the commands in the report repeat; see [`Commission::options`].
    pub options: String,
}

/// Why a run could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A check was named that there is none of.
    #[error(transparent)]
    UnknownCheck(#[from] UnknownCheck),
    /// A check did not take its settings.
    #[error("the settings of `{check}`: {error}")]
    Settings {
        /// The check.
        check: String,
        /// Its words.
        error: ConfigError,
    },
    /// The recorded run had a check that this engine does not have.
    #[error("the recording needs the check `{0}`, which this engine does not have")]
    MissingCheck(String),
    /// A secret could not be taken out of the results, so they are not shown.
    #[error("a secret could not be taken out of the results: {0}")]
    Redaction(#[from] serde_json::Error),
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The report.
    pub report: Report,
    /// Everything needed to make it again.
    pub recording: Recording,
}

/// Makes a live run. When `interrupt` turns true, what is known so far is reported.
///
/// # Errors
/// When the order names a check that there is none of or settings that do not fit.
pub async fn run(
    registry: &Registry,
    network: &Network,
    order: Order,
    interrupt: watch::Receiver<bool>,
    listener: Listener,
) -> Result<Finished, RunError> {
    let started_ms = now_ms();
    let begun = std::time::Instant::now();
    let journal: SharedJournal = Arc::default();
    let Order { target, profile_name, profile, choice, settings, deadline, longest_wait, options } = order;
    let plan = Plan::make(registry, &profile, &choice, &target)?;

    let looks = Looks { surveyed: plan.surveys, recorded: None };
    let mut jobs = Vec::new();
    for planned in &plan.checks {
        let clock = Arc::<Clock>::default();
        let budget = Arc::new(Budget::new(Arc::clone(&network.shared), Arc::clone(&clock), longest_wait));
        let layer = Recorder { below: budget, journal: Arc::clone(&journal), check: planned.id.clone() };
        jobs.push(job(registry, &planned.id, &settings, Arc::new(layer), looks.clone(), clock, None)?);
    }
    let runs = schedule::run(jobs, &target, deadline, interrupt, listener).await;

    let mut journal = std::mem::take(&mut *journal.lock().unwrap_or_else(PoisonError::into_inner));
    journal.refusals.sort_by(|a, b| (&a.check, &a.call).cmp(&(&b.check, &b.call)));
    journal.cuts = runs.iter().filter_map(|run| Some((run.id.clone(), run.cut.clone()?))).collect();
    let settings = settings.into_iter().filter(|(id, _)| plan.checks.iter().any(|planned| planned.id == *id)).collect();
    let recording = Recording {
        format: recording::FORMAT.to_owned(),
        engine: VERSION.to_owned(),
        started_ms,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        vantage: network.vantage.clone(),
        commission: Commission { target, profile_name, profile, choice, settings, options },
        journal,
    };
    let secrets: Vec<String> = recording
        .commission
        .settings
        .iter()
        .filter_map(|(id, settings)| Some((registry.check(id)?, settings)))
        .flat_map(|(check, settings)| secrets(&check.manifest.config_schema, settings))
        .collect();
    if secrets.is_empty() {
        let report = assemble(registry, &recording, plan, runs);
        return Ok(Finished { report, recording });
    }
    // Without the secrets, quotations are of other lengths and names in another
    // order: what the redacted recording says is the report.
    replay(registry, redact(&recording, &secrets)?, Arc::new(|_| ())).await
}

/// Makes the report of a recorded run again: the checks run as they did, and
/// are answered from the recording. Opens no socket.
///
/// # Errors
/// When this engine lacks a check of the run, or a check no longer takes the
/// recorded settings.
pub async fn replay(registry: &Registry, recording: Recording, listener: Listener) -> Result<Finished, RunError> {
    let Commission { target, profile, choice, settings, .. } = &recording.commission;
    let plan = Plan::make(registry, profile, choice, target)?;
    let journal = Arc::new(recording.journal.clone());
    let again: SharedJournal = Arc::new(Mutex::new(Journal::default()));
    let mut jobs = Vec::new();
    for planned in &plan.checks {
        let answers = Replay { journal: Arc::clone(&journal), check: planned.id.clone() };
        let layer = Recorder { below: Arc::new(answers), journal: Arc::clone(&again), check: planned.id.clone() };
        let cut = journal.cuts.get(&planned.id).cloned();
        let looks = Looks { surveyed: plan.surveys, recorded: Some((Arc::clone(&journal), planned.id.clone())) };
        jobs.push(job(registry, &planned.id, settings, Arc::new(layer), looks, Arc::default(), cut)?);
    }
    let (_keep, never) = watch::channel(false);
    let runs = schedule::run(jobs, target, Duration::from_secs(3600), never, listener).await;
    let report = assemble(registry, &recording, plan, runs);
    Ok(Finished { report, recording })
}

fn job(
    registry: &Registry,
    id: &str,
    settings: &BTreeMap<String, Value>,
    layer: Arc<dyn Layer>,
    looks: Looks,
    clock: Arc<Clock>,
    replayed_cut: Option<recording::Cut>,
) -> Result<Job, RunError> {
    let check = registry.check(id).ok_or_else(|| RunError::MissingCheck(id.to_owned()))?;
    let instance = check
        .instance(settings.get(id).cloned().unwrap_or(Value::Null))
        .map_err(|error| RunError::Settings { check: id.to_owned(), error })?;
    Ok(Job { manifest: Arc::new(check.manifest.clone()), check: instance, layer, looks, clock, replayed_cut })
}

fn assemble(registry: &Registry, recording: &Recording, plan: Plan, runs: Vec<schedule::CheckRun>) -> Report {
    let Commission { target, profile_name, profile, options, .. } = &recording.commission;
    let settled = settle(runs, registry, profile, target, options);
    let mut report = Report {
        format: FORMAT.to_owned(),
        engine: recording.engine.clone(),
        target: Target { message: None, ..target.clone() },
        message: target
            .message
            .as_ref()
            .map(|message| MessageReport { name: message.name.clone(), size: message.bytes.len() }),
        profile: profile_name.clone(),
        started: rfc3339(recording.started_ms),
        took_ms: recording.took_ms,
        vantage: recording.vantage.clone(),
        verdict: settled.verdict,
        findings: settled.findings,
        could_not_tell: settled.could_not_tell,
        policy_matrix: settled.policy_matrix,
        guide: None,
        checks: settled.checks,
        skipped: plan.skipped.into_iter().map(Into::into).collect(),
        muted: settled.muted,
        unused_mutes: settled.unused_mutes,
        violations: settled.violations,
        evidence: recording
            .journal
            .exchanges
            .iter()
            .filter_map(|(id, exchange)| EvidenceEntry::of(id, exchange))
            .collect(),
    };
    report.guide = profile.guide.as_ref().map(|guide| guide.answer(&report));
    report
}
