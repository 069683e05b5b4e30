//! What the whole-program tests share: a run over a lab, and the outside data.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use engine_core::{
    net::{NetOptions, Routes},
    plan::Choice,
    profile::{All, Profile, Selection},
    registry::Registry,
    session::{self, Finished, Network, Order, RunError},
};
use engine_lab::{Lab, ScenarioTarget};
use engine_plugin_api::{Message, Target};
use serde_json::Value;

/// The network that `lab` stands in for, with time-outs short enough for tests.
pub fn net_options(lab: &Lab) -> NetOptions {
    NetOptions {
        dns_timeout: Duration::from_millis(1_500),
        connect_timeout: Duration::from_secs(2),
        greeting_timeout: Duration::from_secs(2),
        reply_timeout: Duration::from_secs(2),
        routes: Some(Routes { map: lab.routes().into_iter().collect() }),
        extra_roots: vec![lab.root_certificate()],
        ehlo: "probe.example".to_owned(),
        ..NetOptions::new(vec![lab.resolver()])
    }
}

/// A profile of every check.
pub fn full() -> Profile {
    Profile {
        summary: String::new(),
        checks: Selection::All(All::All),
        severities: BTreeMap::new(),
        mute: Vec::new(),
        settings: BTreeMap::new(),
    }
}

/// An order for the checks `only` (all without any) with `settings` by check id.
pub fn order(target: Target, only: &[&str], settings: BTreeMap<String, Value>) -> Order {
    Order {
        target,
        profile_name: "full".to_owned(),
        profile: full(),
        choice: Choice { only: only.iter().map(|&id| id.to_owned()).collect(), skip: Vec::new() },
        settings,
        deadline: Duration::from_secs(30),
        options: String::new(),
    }
}

/// Runs `order` over `lab`.
///
/// # Errors
/// As [`session::run`].
pub async fn run(registry: &Registry, lab: &Lab, order: Order) -> Result<Finished, RunError> {
    let network = Network::new(&net_options(lab), Some("lab".to_owned()));
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    session::run(registry, &network, order, interrupt, Arc::new(|_| ())).await
}

/// The target that a scenario names.
///
/// # Errors
/// When its address is none.
pub fn target(scenario: &ScenarioTarget) -> Result<Target, std::net::AddrParseError> {
    let mut target = Target {
        shown: scenario.domain.clone().unwrap_or_default(),
        domain: scenario.domain.clone(),
        ip: scenario.ip.as_deref().map(str::parse).transpose()?,
        sender: scenario.sender.clone(),
        recipient: scenario.recipient.clone(),
        helo: scenario.helo.clone(),
        reply: scenario.reply.clone(),
        message: scenario.message.as_ref().map(|text| Message::new("message.eml", text.as_bytes())),
    };
    if target.domain.is_none() {
        target.domain = target.recipient.as_deref().and_then(Target::domain_of);
    }
    Ok(target)
}

/// The `engine` program, built if need be.
///
/// # Panics
/// When it cannot be built.
pub fn program() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT
        .get_or_init(|| {
            let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = std::process::Command::new(cargo);
            build.args(["build", "--quiet", "--offline", "--package", "engine-cli"]).current_dir(&root);
            let built = build.status().is_ok_and(|status| status.success());
            assert!(built, "the program could not be built: {build:?}");
            // This test runs as target/PROFILE/deps/NAME.
            let here = std::env::current_exe().unwrap_or_default();
            let folder = here.ancestors().nth(3).map(|target| target.join("debug")).unwrap_or_default();
            let program = folder.join(format!("engine{}", std::env::consts::EXE_SUFFIX));
            assert!(program.is_file(), "there is no {}", program.display());
            program
        })
        .clone()
}
