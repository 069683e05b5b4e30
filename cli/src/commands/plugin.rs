//! `engine plugin`: which plugins there are, and which of them are used.

use std::path::{Path, PathBuf};

use engine_core::{
    plugin::{self, Enforced, Entry, HostProgram, Isolation, LoadError, Lock, LockError, Places, Plugin},
    registry::{Registry, RegistryError},
    schema::schema_fault,
};
use engine_plugin_api::{
    Manifest,
    abi::MAJOR,
    serde_json::{self, json},
};

use super::{list::row, plugin_author};
use crate::{
    args::{Format, PluginAction, PluginAdd, PluginCommand, PluginInfo, PluginList, PluginRemove},
    complaint::Complaint,
    exit::Exit,
    output::{keep_apart, print, print_json, tell},
    render::escape,
};

/// Does what was asked.
pub fn plugin(command: &PluginCommand) -> Result<Exit, Complaint> {
    match &command.action {
        PluginAction::Add(arguments) => add(arguments),
        PluginAction::List(arguments) => list(arguments),
        PluginAction::Info(arguments) => info(arguments),
        PluginAction::Remove(arguments) => remove(arguments),
        PluginAction::Verify => verify(),
        PluginAction::New(arguments) => plugin_author::new(arguments),
        PluginAction::Test(arguments) => plugin_author::test(arguments),
    }
}

/// Takes the checks of the plugins that were added, and of `once`, into `registry`.
/// Without any of them nothing is opened but the list that is not there.
pub fn register(registry: &mut Registry, once: &[PathBuf]) -> Result<(), Complaint> {
    let places = places();
    let lock = read(&places)?;
    let program = HostProgram::own();
    let mut given: Vec<Entry> = Vec::new();
    for file in once {
        let entry = Entry::new(described(&places, file)?, Isolation::Process);
        // Named twice, it is one plugin all the same.
        if given.iter().all(|other| other.path != entry.path) {
            given.push(entry);
        }
    }
    let mut kept = Vec::new();
    for entry in lock.plugins.into_iter().filter(|entry| given.iter().all(|file| file.path != entry.path)) {
        let path = entry.path.clone();
        if entry.isolation == Isolation::Trusted {
            keep_apart();
        }
        plugin::register(registry, Plugin::new(entry, &program, places.lock.clone()))
            .map_err(|error| Complaint::of_line(error).hint(removal(&path)))?;
        kept.push(path);
    }
    for entry in given {
        plugin::register(registry, Plugin::new(entry, &program, None)).map_err(|error| refused(error, &kept))?;
    }
    Ok(())
}

fn removal(path: &str) -> String {
    escape::line(&format!("engine plugin remove {}", engine_core::shell_word(path)))
}

/// Why a plugin of `--plugin` cannot be used beside the others; `kept` were added.
fn refused(error: RegistryError, kept: &[String]) -> Complaint {
    let hint = match &error {
        RegistryError::DuplicateId { first, .. } if kept.contains(first) => {
            Some(format!("leave --plugin out, or first: {}", removal(first)))
        }
        RegistryError::DuplicateId { .. } => Some("give only one of them with --plugin".to_owned()),
        RegistryError::DuplicateCode { .. } | RegistryError::BadManifest { .. } => None,
    };
    let complaint = Complaint::of_line(error);
    match hint {
        Some(hint) => complaint.hint(hint),
        None => complaint,
    }
}

pub(super) fn places() -> Places {
    Places::of_user(|name| std::env::var_os(name))
}

fn read(places: &Places) -> Result<Lock, Complaint> {
    places.lock.as_deref().map_or_else(|| Ok(Lock::default()), |lock| Lock::read(lock).map_err(not_listed))
}

/// Why the list of plugins is not used, and what to do: without it the checks
/// that were added would be left out, and nobody would know.
fn not_listed(error: LockError) -> Complaint {
    let hint = match &error {
        LockError::Format { path, .. } => {
            let (from, to) = (engine_core::shell_word(path), engine_core::shell_word(&format!("{path}.broken")));
            Some(format!("mv {from} {to}, then add each plugin again: engine plugin add FILE"))
        }
        LockError::Unsafe(LoadError::UnsafePermissions { path, .. }) => {
            Some(format!("chmod go-w {}, once you know that nobody changed it", engine_core::shell_word(path)))
        }
        _ => None,
    };
    let complaint = Complaint::of_line(error);
    match hint {
        Some(hint) => complaint.hint(escape::line(&hint)),
        None => complaint,
    }
}

fn lock_file(places: &Places) -> Result<&Path, Complaint> {
    places.lock.as_deref().ok_or_else(|| {
        Complaint::new("there is no folder to keep the list of plugins in").hint("set HOME or XDG_DATA_HOME")
    })
}

/// Has a plugin describe itself in a process of its own.
pub(super) fn described(places: &Places, name: &Path) -> Result<plugin::Description, Complaint> {
    let path = places.find(name).ok_or_else(|| {
        let folders: Vec<String> = places.folders.iter().map(|folder| folder.display().to_string()).collect();
        Complaint::of_line(format!("there is no plugin {} in {}", name.display(), folders.join(", ")))
            .hint(escape::line(&format!("a file here is given as ./{}", name.display())))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let hello = runtime.block_on(plugin::describe(&HostProgram::own(), &path, None));
    let hello = hello.map_err(|error| not_taken(&path, &error))?;
    fit(&hello.described.document.checks).map_err(|error| not_taken(&path, &error))?;
    Ok(hello)
}

fn not_taken(path: &Path, error: &LoadError) -> Complaint {
    let complaint = Complaint::of_line(format!("the plugin {} is not taken: {error}", path.display()));
    match error {
        LoadError::UnsafePermissions { path, .. } => {
            let path = escape::line(&engine_core::shell_word(path));
            complaint.hint(format!("chmod go-w {path}, or move it to a folder of your own"))
        }
        _ => complaint,
    }
}

/// What is asked of the checks of others beyond what is asked of our own.
fn fit(checks: &[Manifest]) -> Result<(), LoadError> {
    for check in checks {
        let bad = |why: String| LoadError::Manifest { why: format!("check `{}`: {why}", check.id) };
        if !check.id.contains('.') {
            return Err(bad("the id of a plugin's check is `vendor.name`".to_owned()));
        }
        if !is_semantic(&check.version) {
            let why = format!("`{}` is no semantic version, such as 1.0.0 (semver.org)", check.version);
            return Err(bad(why));
        }
        if let Some(fault) = schema_fault(&check.config_schema) {
            return Err(bad(format!("the schema of its settings cannot be used: {fault}")));
        }
    }
    Ok(())
}

/// Whether `version` is one of Semantic Versioning 2.0.0, §2, §9 and §10.
fn is_semantic(version: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let number = |part: &str| !part.is_empty() && digits(part) && (part == "0" || !part.starts_with('0'));
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (core, before) = rest.split_once('-').map_or((rest, None), |(core, before)| (core, Some(before)));
    core.split('.').count() == 3
        && core.split('.').all(number)
        && before.is_none_or(|before| before.split('.').all(|part| word(part) && (!digits(part) || number(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

fn add(arguments: &PluginAdd) -> Result<Exit, Complaint> {
    let places = places();
    let isolation = if arguments.trusted { Isolation::Trusted } else { Isolation::Process };
    let hello = described(&places, &arguments.file)?;
    let entry = Entry::new(hello, isolation);
    if arguments.trusted && entry.described.aborts() {
        return Err(not_taken(&arguments.file, &LoadError::NeedsIsolation));
    }
    // Everything that a run would refuse is refused here, against all that there is.
    let lock = read(&places)?;
    let mut registry = builtin_checks::registry().map_err(Complaint::new)?;
    let others = lock.plugins.iter().filter(|other| other.path != entry.path).cloned();
    for other in others.chain([entry.clone()]) {
        plugin::register(&mut registry, Plugin::new(other, &HostProgram::own(), None)).map_err(Complaint::of_line)?;
    }
    Lock::change(lock_file(&places)?, |lock| Ok(lock.put(entry.clone())?)).map_err(not_listed)?;
    print(&format!("Added {}\n\n{}", escape::line(&entry.path), text(&entry, false)))?;
    let ids: Vec<&str> = entry.ids().collect();
    print(&format!(
        "\nIt is used from now on where a profile has all checks, and with --only {}.\n",
        escape::line(&ids.join(","))
    ))?;
    Ok(Exit::Good)
}

fn list(arguments: &PluginList) -> Result<Exit, Complaint> {
    let places = places();
    let lock = read(&places)?;
    let added = |file: &PathBuf| {
        let real = file.canonicalize().ok();
        lock.plugins.iter().any(|entry| real.as_deref() == Some(Path::new(&entry.path)))
    };
    let waiting: Vec<PathBuf> = places.files().into_iter().filter(|file| !added(file)).collect();
    if arguments.format == Format::Json {
        let plugins: Vec<_> =
            lock.plugins.iter().map(|entry| json!({ "state": state(entry).0, "plugin": entry })).collect();
        let waiting: Vec<String> = waiting.iter().map(|file| file.display().to_string()).collect();
        print_json(&json!({ "plugins": plugins, "not-added": waiting }).to_string())?;
        return Ok(Exit::Good);
    }
    let mut text = String::new();
    let width = lock.plugins.iter().flat_map(Entry::ids).map(str::len).max().unwrap_or(0);
    for entry in &lock.plugins {
        for check in &entry.described.document.checks {
            let effect = check.side_effect.word();
            let words = format!("{} [{effect}; {}] {}", check.summary, state(entry).1, entry.path);
            text.push_str(&row(&check.id, width, &words));
        }
    }
    if lock.plugins.is_empty() {
        text.push_str("No plugin was added. Add one with: engine plugin add FILE\n");
    }
    for file in waiting {
        text.push_str(&format!("found, but not added: {}\n", escape::line(&file.display().to_string())));
    }
    print(&text)?;
    Ok(Exit::Good)
}

/// How a plugin stands, as a word and as a phrase.
fn state(entry: &Entry) -> (&'static str, String) {
    match entry.isolation {
        _ if entry.crashes >= plugin::CRASHES => ("blocked", format!("blocked after {} crashes", entry.crashes)),
        Isolation::Trusted => ("trusted", "trusted, in the engine's own process".to_owned()),
        Isolation::Process => ("isolated", isolation(entry.enforced).to_owned()),
    }
}

fn isolation(enforced: Enforced) -> &'static str {
    enforced.words()
}

fn info(arguments: &PluginInfo) -> Result<Exit, Complaint> {
    let places = places();
    let lock = read(&places)?;
    let (entry, added) = match lock.find(&arguments.name) {
        Some(entry) => (entry.clone(), true),
        None => {
            let file = Path::new(&arguments.name);
            if places.find(file).is_none_or(|path| !path.exists()) {
                return Err(unknown(&arguments.name, &lock));
            }
            (Entry::new(described(&places, file)?, Isolation::Process), false)
        }
    };
    match arguments.format {
        Format::Json => print_json(&json!({ "added": added, "plugin": entry }).to_string())?,
        Format::Text => {
            let head = if added { "" } else { "Not added.\n" };
            print(&format!("{head}{}\n{}", escape::line(&entry.path), text(&entry, true)))?;
        }
    }
    Ok(Exit::Good)
}

fn unknown(name: &str, lock: &Lock) -> Complaint {
    let complaint = Complaint::of_line(format!("no plugin `{name}` was added"));
    match engine_core::nearest(name, lock.plugins.iter().flat_map(Entry::ids)) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None => complaint.hint("engine plugin list shows what there is"),
    }
}

/// What a plugin is and may do; with `all`, every finding and setting too.
/// Nothing of it is believed: it is made fit for a terminal.
fn text(entry: &Entry, all: bool) -> String {
    let mut text = String::new();
    let mut say = |name: &str, words: &str| text.push_str(&row(name, 13, words));
    say("sha256", &entry.sha256);
    say("made with", &format!("{}, plugin ABI {MAJOR}.{}", entry.described.document.sdk, entry.described.minor));
    match entry.isolation {
        Isolation::Process => say("runs", &format!("in a process of its own: {}", isolation(entry.enforced))),
        Isolation::Trusted => say("runs", "in the engine's own process: it can do whatever the engine can"),
    }
    if let (number @ 1.., Some(last)) = (entry.crashes, &entry.last_crash) {
        let blocked = if number >= plugin::CRASHES { "; blocked until it is added again" } else { "" };
        say("crashes", &format!("{number}; the last time it {last}{blocked}"));
    }
    for check in &entry.described.document.checks {
        say("", "");
        say("check", &format!("{} {}: {}", check.id, check.version, check.summary));
        let services = if check.services.is_empty() { "nothing".to_owned() } else { check.services.join(", ") };
        say("does", check.side_effect.word());
        say("asks for", &services);
        if !check.discloses_to.is_empty() {
            say("tells", &check.discloses_to.join(", "));
        }
        if !all {
            say("findings", &check.findings.len().to_string());
            continue;
        }
        for finding in &check.findings {
            say("finding", &format!("{}/{} ({}): {}", check.id, finding.code, finding.severity.word(), finding.title));
        }
        if let Some(settings) = check.config_schema.get("properties").and_then(serde_json::Value::as_object) {
            for (name, schema) in settings {
                let about = schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
                say("setting", &format!("{name}: {about}"));
            }
        }
    }
    text
}

fn remove(arguments: &PluginRemove) -> Result<Exit, Complaint> {
    let places = places();
    let lock = read(&places)?;
    let entry = lock.find(&arguments.name).ok_or_else(|| unknown(&arguments.name, &lock))?;
    Lock::change(lock_file(&places)?, |lock| {
        lock.plugins.retain(|other| other.path != entry.path);
        Ok(())
    })
    .map_err(not_listed)?;
    print(&format!("Removed {}; the file itself is left where it is.\n", escape::line(&entry.path)))?;
    Ok(Exit::Good)
}

/// Holds every plugin against what was added: the file, and what it says.
fn verify() -> Result<Exit, Complaint> {
    let places = places();
    let lock = read(&places)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut exit = Exit::Good;
    for entry in &lock.plugins {
        // Nothing of a file that is another by now may run.
        let program = HostProgram::own();
        let found = plugin::describe(&program, Path::new(&entry.path), Some(&entry.sha256));
        let fault = match runtime.block_on(found) {
            Err(error) => Some(error.to_string()),
            Ok(hello) if hello.described != entry.described => Some("it says something else of itself".to_owned()),
            Ok(_) if entry.crashes >= plugin::CRASHES => Some(state(entry).1),
            Ok(_) => None,
        };
        let words = match &fault {
            None => "as it was added".to_owned(),
            Some(fault) => format!("{fault}\n"),
        };
        exit = exit.max(if fault.is_some() { Exit::Findings } else { Exit::Good });
        print(&format!("{}: {}\n", escape::line(&entry.path), escape::line(words.trim_end())))?;
    }
    if exit != Exit::Good {
        tell("hint: engine plugin add FILE takes a plugin as it is now; engine plugin remove FILE leaves it out");
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_semantic_one() {
        for good in ["0.1.0", "1.0.0", "10.20.30-rc.1", "1.0.0-alpha-beta+build.007", "1.0.0+x"] {
            assert!(is_semantic(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0", "1.0.x", "1.0.0\n"] {
            assert!(!is_semantic(bad), "{bad}");
        }
    }
}
