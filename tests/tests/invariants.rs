//! The invariants of `docs/architecture.md` that can be read off the tree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use builtin_checks::registry;

/// Folders of `lib` that stand over the engine, where no check may reach.
const OVER_THE_ENGINE: [&str; 2] = ["builtin-checks", "scenario-play"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folders(of: &str) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(root().join(of))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    folders
}

/// The package's name and the names of its ordinary dependencies, optional ones left out.
fn package(folder: &Path) -> (String, BTreeSet<String>) {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    let name = manifest["package"]["name"].as_str().unwrap().to_owned();
    let dependencies = manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .map(|table| {
            table.iter().filter(|(_, one)| one.get("optional").is_none()).map(|(name, _)| name.clone()).collect()
        })
        .unwrap_or_default();
    (name, dependencies)
}

#[test]
fn the_contract_brings_three_crates_and_its_own_macro_into_an_authors_tree() {
    let (_, dependencies) = package(&root().join("plugin-api"));
    assert_eq!(dependencies, ["engine-plugin-macros", "schemars", "serde", "serde_json"].map(str::to_owned).into());
}

#[test]
fn an_authors_tree_has_at_most_25_crates() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "engine-plugin-api", "-e", "normal,build", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let crates: BTreeSet<String> = String::from_utf8(tree.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    assert!(crates.len() > 4 && crates.len() <= 25, "{crates:#?}");
}

#[test]
fn checks_stand_on_the_contract_and_small_libraries_alone() {
    let libraries: BTreeSet<String> = folders("lib")
        .iter()
        .map(|folder| package(folder).0)
        .filter(|name| !OVER_THE_ENGINE.contains(&name.as_str()))
        .collect();
    let outside = ["futures-util", "idna", "psl", "schemars", "serde", "serde_json", "strsim", "thiserror", "toml"];
    for folder in folders("checks") {
        let (name, dependencies) = package(&folder);
        for dependency in dependencies {
            let allowed = dependency == "engine-plugin-api"
                || libraries.contains(&dependency)
                || outside.contains(&dependency.as_str());
            assert!(allowed, "{name} depends on {dependency}");
        }
    }
}

#[test]
fn nothing_depends_on_the_command_line_and_the_core_knows_no_check() {
    let all = ["checks", "lib"]
        .into_iter()
        .flat_map(folders)
        .chain(["plugin-api", "engine", "lab", "tests", "xtask"].map(|name| root().join(name)));
    for folder in all {
        let (name, dependencies) = package(&folder);
        assert!(!dependencies.contains("engine-cli"), "{name} depends on the command line");
        if name != "builtin-checks" {
            assert!(
                !dependencies.iter().any(|dependency| dependency.starts_with("check-")),
                "{name} depends on a check"
            );
        }
    }
}

#[test]
fn every_folder_of_checks_is_in_the_registry_and_has_the_common_shape() {
    let registry = registry().unwrap();
    let ids: BTreeSet<String> = registry.ids().map(str::to_owned).collect();
    let names: BTreeSet<String> =
        folders("checks").iter().map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(ids, names);
    for folder in folders("checks") {
        for module in ["lib", "facts", "judge", "observe"] {
            let one = folder.join("src").join(format!("{module}.rs")).is_file();
            // A check that asks nothing has nothing to observe.
            let needless = module == "observe"
                && registry.check(&folder.file_name().unwrap().to_string_lossy()).unwrap().manifest.services.is_empty();
            assert!(one || needless, "{} has no src/{module}.rs", folder.display());
        }
        // Its library as a plugin, which `tests/as_plugins.rs` holds against the one that is linked in.
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let example =
            format!("[[example]]\nname = \"{name}-plugin\"\npath = \"plugin.rs\"\ncrate-type = [\"cdylib\"]\n");
        assert!(manifest.contains(&example), "{name}: Cargo.toml must have\n{example}");
        let plugin = fs::read_to_string(folder.join("plugin.rs")).unwrap();
        let exported = format!("engine_plugin_api::export_check!(check_{}::", name.replace('-', "_"));
        assert!(plugin.contains(&exported), "{name}: plugin.rs must have {exported}…)");
    }
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let registry = registry().unwrap();
    for check in registry.iter() {
        let id = &check.manifest.id;
        let declared: BTreeSet<String> = check.manifest.findings.iter().map(|spec| spec.code.clone()).collect();
        let pages = fs::read_dir(root().join("checks").join(id).join("findings")).unwrap();
        let pages: BTreeSet<String> =
            pages.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(declared, pages, "{id}");
    }
}

#[test]
fn every_page_is_whole_and_explains_codes_that_there_are() {
    let registry = registry().unwrap();
    let codes: BTreeSet<&str> = registry.codes().collect();
    for check in registry.iter() {
        for spec in &check.manifest.findings {
            let faults = scenario_play::page_faults(spec);
            assert!(faults.is_empty(), "{}: {}", spec.code, faults.join("; "));
            for explained in &spec.explains {
                assert!(codes.contains(explained.as_str()), "{} explains {explained}, which no check makes", spec.code);
            }
        }
    }
}

#[test]
fn profiles_name_checks_and_codes_that_there_are() {
    let registry = registry().unwrap();
    for (name, profile) in engine_core::config::shipped_profiles() {
        if let engine_core::profile::Selection::These(ids) = &profile.checks {
            for id in ids {
                assert!(registry.check(id).is_some(), "profile {name} names {id}");
            }
        }
    }
}

#[test]
fn paths_named_in_the_documents_exist() {
    for document in ["README.md", "CONTRIBUTING.md", "docs/architecture.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let quoted =
            text.split('`').skip(1).step_by(2).chain(text.split('[').skip(1).filter_map(|rest| rest.split(']').next()));
        for path in quoted.flat_map(|words| words.split(", ")) {
            let is_path =
                path.contains('/') && !path.contains([' ', '*', '<', '$', ':']) && !path.starts_with(['.', '/']);
            let known = ["plugin-api", "engine", "checks", "cli", "lab", "lib", "tests", "docs", "xtask"];
            if is_path && known.contains(&path.split('/').next().unwrap()) && !path.contains("mx-typo") {
                assert!(root().join(path.trim_end_matches('/')).exists(), "{document} names {path}");
            }
        }
    }
}

#[test]
fn no_source_file_is_too_long_to_read_in_one_sitting() {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, usize>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path.clone(), fs::read_to_string(&path).unwrap().lines().count());
            }
        }
    }
    let mut files = BTreeMap::new();
    for folder in ["plugin-api", "engine", "checks", "cli", "lab", "lib", "tests", "xtask"] {
        walk(&root().join(folder), &mut files);
    }
    let long: Vec<_> = files.iter().filter(|(_, lines)| **lines > 700).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn the_checks_that_prove_a_reason_exist() {
    let registry = registry().unwrap();
    let knowledge = smtp_reasons::Knowledge::builtin();
    for reason in smtp_reasons::Reason::ALL {
        for check in &knowledge.reason(*reason).checks {
            assert!(registry.check(check).is_some(), "{} names the check {check}", reason.word());
        }
    }
}
