//! `engine run`.

use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use engine_core::{
    config::{Config, parse_duration},
    nearest,
    plan::{Choice, Plan},
    profile::Profile,
    recording::{redact_text, secrets},
    registry::Registry,
    report::Report,
    schema::misfit,
    session::{self, Order},
    shell_word,
};
use engine_plugin_api::{
    Message, Severity, Target,
    serde_json::{self, Value, json},
};

use super::{lab::domains, registry};
use crate::{
    args::{Format, Run},
    complaint::Complaint,
    exit::Exit,
    message, network,
    output::{print, print_json, print_styled},
    progress::Progress,
    render::{plan, text},
    rules, target,
};

/// How long a check may take unless the configuration says otherwise.
const DEADLINE: Duration = Duration::from_secs(120);
/// How long a check may wait in all unless the configuration or `--wait` says otherwise.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Runs checks and reports.
pub fn run(arguments: Run) -> Result<Exit, Complaint> {
    let registry = registry(&arguments.plugin)?;
    let config = configuration(arguments.config.as_deref(), &registry)?;
    let profile_name =
        arguments.profile.clone().or_else(|| config.profile.clone()).unwrap_or_else(|| "full".to_owned());
    let profile = config.profile(&profile_name).map_err(split_hint)?.clone();
    let settings = settings(&arguments, &config, &profile, &registry)?;
    let choice = Choice { only: arguments.only.clone(), skip: arguments.skip.clone() };
    let fail_on = arguments.fail_on.or(config.fail_on).unwrap_or(Severity::Warning);
    let deadline = config.net.deadline.as_deref().map_or(Ok(DEADLINE), parse_duration).map_err(Complaint::new)?;
    let longest_wait =
        config.net.longest_wait.as_deref().map_or(Ok(LONGEST_WAIT), parse_duration).map_err(Complaint::new)?;
    // What the user asks for need not be allowed as well; a wait that is none is the check's to refuse.
    let meant = arguments.wait.as_deref().and_then(|wait| parse_duration(wait).ok()).unwrap_or_default();
    let longest_wait = longest_wait.max(meant);

    let world = arguments.reach.lab.as_deref().map(network::world).transpose()?;
    let message = arguments.message.as_deref().map(message::read).transpose()?;
    let targets = match (targets(&arguments, &config, message.as_ref())?, &world) {
        (targets, Some(world)) if targets.is_empty() => {
            print(&format!("The lab's domains; give one: engine run --lab DOMAIN\n\n{}", domains(world)))?;
            return Ok(Exit::Good);
        }
        (targets, _) if targets.is_empty() => vec![asked(&arguments)?],
        (targets, _) => targets,
    };
    let order = |target: Target| Order {
        target,
        profile_name: profile_name.clone(),
        profile: profile.clone(),
        choice: choice.clone(),
        settings: settings.clone(),
        deadline,
        longest_wait,
        options: again(&arguments),
    };
    if arguments.dry_run {
        return dry_run(&registry, &profile, &choice, &targets);
    }
    if targets.len() > 1 && arguments.record.is_some() {
        return Err(Complaint::new(format!("--record takes one target, and {} were given", targets.len())));
    }
    let printer = Printer { format: arguments.format, verbose: arguments.verbose, plugins: arguments.plugin.clone() };
    let reports = network::during(&arguments.reach, &config, world.as_ref(), async |network, interrupt| {
        let mut reports = Vec::new();
        for target in targets {
            let progress = Progress::begin(&target.shown);
            let finished = session::run(&registry, network, order(target), interrupt.clone(), progress.listener())
                .await
                .map_err(Complaint::new)?;
            drop(progress);
            // What was found out is shown even where it cannot be kept.
            let kept = arguments.record.as_ref().map_or(Ok(()), |file| finished.recording.write(file));
            let read = printer.print(&finished.report)?;
            kept.map_err(Complaint::new)?;
            reports.push(finished.report);
            if *interrupt.borrow() || !read {
                break;
            }
        }
        Ok(reports)
    })?;
    if reports.len() > 1 && printer.format == Format::Text {
        match print_styled(&format!("\n{}", text::summary(&reports))) {
            Ok(()) | Err(Complaint::Closed) => {}
            Err(complaint) => return Err(complaint),
        }
    }
    Ok(reports.iter().map(|report| Exit::of(report, fail_on)).max().unwrap_or(Exit::Good))
}

/// Prints reports one by one.
pub struct Printer {
    /// The form.
    pub format: Format,
    /// Whether to print everything.
    pub verbose: bool,
    /// The plugins that were used without their having been added.
    pub plugins: Vec<PathBuf>,
}

impl Printer {
    /// Prints a report; whether somebody reads on. The exit code is owed to
    /// whoever started the program even when the reader has gone.
    pub fn print(&self, report: &Report) -> Result<bool, Complaint> {
        let printed = match self.format {
            Format::Json => print_json(&serde_json::to_string(report).map_err(Complaint::new)?),
            Format::Text => print_styled(&text::report(report, self.verbose, &self.plugins)),
        };
        match printed {
            Err(Complaint::Closed) => Ok(false),
            printed => printed.map(|()| true),
        }
    }
}

fn dry_run(registry: &Registry, profile: &Profile, choice: &Choice, targets: &[Target]) -> Result<Exit, Complaint> {
    for target in targets {
        let plan = Plan::make(registry, profile, choice, target).map_err(Complaint::new)?;
        let message =
            target.message.as_ref().map(|message| format!(", with a message of {} bytes", message.bytes.len()));
        let shown = crate::render::escape::line(&target.shown);
        print(&format!("{shown}{}\n{}", message.unwrap_or_default(), plan::text(&plan)))?;
    }
    Ok(Exit::Good)
}

/// The configuration: `--config`, else `./engine.toml`, else the user's own, else none.
pub fn configuration(given: Option<&Path>, registry: &Registry) -> Result<Config, Complaint> {
    let own = || {
        let home = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
        home.map(|home| home.join("engine").join("engine.toml"))
    };
    let here = || Some(PathBuf::from("engine.toml")).filter(|path| path.is_file());
    let found = given.map(Path::to_path_buf).or_else(here).or_else(|| own().filter(|path| path.is_file()));
    let read = |path: &Path| Config::read(path, registry).map_err(Complaint::new);
    found.as_deref().map_or_else(|| Ok(Config::shipped()), read)
}

/// The settings of the checks: the profile's, then the configuration's, then
/// `--set`, then `--wait` and `--selector`.
fn settings(
    arguments: &Run,
    config: &Config,
    profile: &Profile,
    registry: &Registry,
) -> Result<BTreeMap<String, Value>, Complaint> {
    let mut settings = profile.under(&config.checks);
    for given in &arguments.settings {
        let wrong =
            || Complaint::new(format!("--set `{given}`: expected CHECK.KEY=VALUE, for example dnsbl.max_addresses=4"));
        let (path, value) = given.split_once('=').ok_or_else(wrong)?;
        // The id of a third-party check has a dot of its own, and so has the key of a table.
        let known = |id: &&str| path.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        let (check, key) = match registry.ids().filter(known).max_by_key(|id| id.len()) {
            Some(id) => path.split_at(id.len()),
            None => path.split_at(path.find('.').ok_or_else(wrong)?),
        };
        let key = key.trim_start_matches('.');
        if key.split('.').any(str::is_empty) {
            return Err(wrong());
        }
        set(&mut settings, check, key, value)?;
        let secret = registry.check(check).is_some_and(|check| {
            let mut alone = BTreeMap::new();
            set(&mut alone, "it", key, value).is_ok()
                && !secrets(&check.manifest.config_schema, &alone["it"]).is_empty()
        });
        if secret {
            // Others on this machine can read the arguments of a program.
            return Err(Complaint::new(format!("{check}.{key} is a secret, and is not taken from the command line"))
                .hint(format!(
                    "put it under [checks.{check}] in a configuration that only you can read (--config FILE)"
                )));
        }
    }
    rules::give(&rules::read(&arguments.rules, config)?, registry, &mut settings);
    if let Some(wait) = &arguments.wait {
        set(&mut settings, "greylist", "wait", wait)?;
    }
    selectors(&arguments.selector, registry, &mut settings)?;
    for (id, value) in &settings {
        let Some(check) = registry.check(id) else {
            let complaint = Complaint::new(format!("there is no check `{id}` to set anything of"));
            return Err(match nearest(id, registry.ids()) {
                Some(near) => complaint.hint(format!("did you mean `{near}`?")),
                None => complaint,
            });
        };
        let schema = &check.manifest.config_schema;
        if let Some((pointer, message)) = misfit(schema, value) {
            let message = redact_text(message, &secrets(schema, value));
            return Err(Complaint::new(format!("{id}{}: {message}", pointer.replace('/', ".")))
                .hint(format!("engine schema {id} prints its settings")));
        }
        if let Err(error) = check.instance(value.clone()) {
            return Err(Complaint::new(format!("the settings of {id}: {error}"))
                .hint(format!("engine schema {id} prints its settings")));
        }
    }
    Ok(settings)
}

/// Gives the selectors to the check `dkim`, which says what can be one.
fn selectors(given: &[String], registry: &Registry, settings: &mut BTreeMap<String, Value>) -> Result<(), Complaint> {
    let Some(check) = registry.check("dkim").filter(|_| !given.is_empty()) else { return Ok(()) };
    for name in given {
        if let Err(error) = check.instance(json!({ "selectors": [name] })) {
            return Err(Complaint::new(format!("--selector: {}", error.message))
                .hint("it stands under s= in the DKIM-Signature of the domain's mail"));
        }
    }
    let own = settings.entry("dkim".to_owned()).or_insert_with(|| json!({}));
    if let Value::Object(own) = own {
        own.insert("selectors".to_owned(), json!(given));
    }
    Ok(())
}

/// Sets one value, read as TOML where it is any, as text where it is not.
fn set(settings: &mut BTreeMap<String, Value>, check: &str, key: &str, value: &str) -> Result<(), Complaint> {
    let read =
        toml::from_str::<toml::Table>(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    let value =
        read.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_else(|| Value::String(value.to_owned()));
    let table = || Value::Object(serde_json::Map::new());
    let mut place = settings.entry(check.to_owned()).or_insert_with(table);
    for name in key.split('.') {
        place = match place {
            Value::Object(own) => own.entry(name).or_insert_with(table),
            _ => return Err(Complaint::new(format!("--set {check}.{key}: what is before `{name}` is no table"))),
        };
    }
    *place = value;
    Ok(())
}

/// The options that the commands in the report repeat: how the network is
/// reached, and what was set.
fn again(arguments: &Run) -> String {
    let path = |path: &PathBuf| path.display().to_string();
    let source = arguments.reach.source.map(|source| source.to_string());
    let mut words = Vec::new();
    let mut add = |option: &str, value: &str| words.push(format!("{option} {}", shell_word(value)));
    arguments.reach.resolver.iter().for_each(|resolver| add("--resolver", resolver));
    arguments.reach.route.iter().for_each(|file| add("--route", &path(file)));
    source.iter().for_each(|source| add("--source", source));
    arguments.reach.ehlo.iter().for_each(|name| add("--ehlo", name));
    arguments.config.iter().for_each(|file| add("--config", &path(file)));
    arguments.plugin.iter().for_each(|file| add("--plugin", &path(file)));
    arguments.rules.iter().for_each(|file| add("--rules", &path(file)));
    arguments.wait.iter().for_each(|wait| add("--wait", wait));
    arguments.selector.iter().for_each(|name| add("--selector", name));
    arguments.settings.iter().for_each(|setting| add("--set", setting));
    match arguments.reach.lab.as_deref() {
        None => {}
        Some("") => words.insert(0, "--lab".to_owned()),
        Some(file) => words.insert(0, format!("--lab={}", shell_word(file))),
    }
    words.join(" ")
}

/// What the command line names, or else the configuration's targets.
fn targets(arguments: &Run, config: &Config, message: Option<&Message>) -> Result<Vec<Target>, Complaint> {
    if arguments.targets.is_empty()
        && let Some(target) = target::target(None, arguments, message)?
    {
        return Ok(vec![target]);
    }
    let named = |word: &String| target::target(Some(word), arguments, message);
    if !arguments.targets.is_empty() || arguments.reach.lab.is_some() {
        return arguments.targets.iter().map(named).filter_map(Result::transpose).collect();
    }
    let configured =
        config.targets.iter().enumerate().map(|(index, word)| {
            named(word).map_err(|wrong| wrong.in_config(config, &["targets", &index.to_string()]))
        });
    configured.filter_map(Result::transpose).collect()
}

/// Asks for a target, if somebody is there to answer.
fn asked(arguments: &Run) -> Result<Target, Complaint> {
    let nothing = || {
        Complaint::new("no target was given").hint("give a domain or an IP address (engine run example.org), list targets in engine.toml, or try the lab: engine run --lab")
    };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(nothing());
    }
    let mut question = std::io::stderr().lock();
    question.write_all(b"Domain or IP address to examine: ")?;
    question.flush()?;
    drop(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim().is_empty() {
        return Err(nothing());
    }
    target::target(Some(line.trim()), arguments, None)?.ok_or_else(nothing)
}

fn split_hint(message: String) -> Complaint {
    match message.split_once("\nhint: ") {
        Some((message, hint)) => Complaint::new(message).hint(hint),
        None => Complaint::new(message),
    }
}
