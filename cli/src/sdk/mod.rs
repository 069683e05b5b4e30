//! The SDK that the program carries in itself, and the files of a new plugin.

mod files;

use std::{fs, io, path::Path};

/// The language of a plugin.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate with `export_check!`.
    Rust,
    /// One C file, a Makefile and the headers.
    C,
}

/// What a plugin is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The id of its check, `vendor.name`.
    pub id: String,
    /// The name without the vendor, which begins its code.
    pub name: String,
}

/// Names that are no crate's: keywords (the Rust Reference, "Keywords"), what
/// comes with the compiler, what the SDK is called, and what Windows takes for
/// a device.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match",
    "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    "alloc", "core", "proc-macro", "std", "test", "engine-plugin-api", "engine-plugin-macros",
    "aux", "con", "nul", "prn", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1",
    "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

impl Names {
    fn filled(&self, template: &str) -> String {
        let words = self.name.split('-').filter_map(|word| {
            let mut letters = word.chars();
            Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
        });
        template
            .replace("@ID@", &self.id)
            .replace("@NAME@", &self.package())
            .replace("@CODE@", &self.code())
            .replace("@CRATE@", &self.file())
            .replace("@TYPE@", &format!("{}Check", words.collect::<String>()))
    }

    /// The code of its finding.
    fn code(&self) -> String {
        format!("{}-missing", self.name)
    }

    /// The name of its folder and package: its own, unless that is no package's.
    pub fn package(&self) -> String {
        if RESERVED.contains(&self.name.as_str()) { format!("{}-check", self.name) } else { self.name.clone() }
    }

    /// Its name in file names and Rust paths.
    pub fn file(&self) -> String {
        self.package().replace('-', "_")
    }
}

/// Writes a plugin that builds and passes its tests into `folder`, which must not be there yet.
///
/// # Errors
/// When the folder is there, or a file cannot be written.
pub fn unpack(folder: &Path, names: &Names, language: Language) -> io::Result<()> {
    fs::create_dir(folder)?;
    let put = |path: &str, text: &str| -> io::Result<()> {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    };
    let page = format!("findings/{}.md", names.code());
    put(&page, &names.filled(include_str!("../../templates/plugin/page.md.in")))?;
    match language {
        Language::Rust => {
            put("Cargo.toml", &names.filled(include_str!("../../templates/plugin/rust/Cargo.toml.in")))?;
            put(".gitignore", include_str!("../../templates/plugin/rust/gitignore.in"))?;
            put("src/lib.rs", &names.filled(include_str!("../../templates/plugin/rust/lib.rs.in")))?;
            put("tests/plugin.rs", &names.filled(include_str!("../../templates/plugin/rust/plugin.rs.in")))?;
            files::SDK.iter().try_for_each(|(path, text)| put(&format!("sdk/{path}"), text))
        }
        Language::C => {
            put(&format!("{}.c", names.file()), &names.filled(include_str!("../../templates/plugin/c/check.c.in")))?;
            put("manifest.json", &names.filled(include_str!("../../templates/plugin/c/manifest.json.in")))?;
            put("embed.awk", include_str!("../../templates/plugin/c/embed.awk"))?;
            put("Makefile", &names.filled(include_str!("../../templates/plugin/c/Makefile.in")))?;
            put(".gitignore", include_str!("../../templates/plugin/c/gitignore.in"))?;
            files::HEADERS.iter().try_for_each(|(name, text)| put(&format!("sdk/{name}"), text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Names {
        Names { id: format!("acme.{name}"), name: name.to_owned() }
    }

    #[test]
    fn a_name_that_is_no_packages_gets_a_suffix_and_no_type_hides_another() {
        let api = include_str!("../../../plugin-api/api.txt");
        let words: Vec<&str> = api.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        assert!(words.contains(&"Finding") && words.contains(&"Judgement"), "the listing is read");
        for (name, package, shown) in [
            ("house-rule", "house-rule", "HouseRuleCheck"),
            ("check", "check", "CheckCheck"),
            ("config", "config", "ConfigCheck"),
            ("target", "target", "TargetCheck"),
            ("context", "context", "ContextCheck"),
            ("finding", "finding", "FindingCheck"),
            ("outcome", "outcome", "OutcomeCheck"),
            ("manifest", "manifest", "ManifestCheck"),
            ("judgement", "judgement", "JudgementCheck"),
            ("string", "string", "StringCheck"),
            ("option", "option", "OptionCheck"),
            ("self", "self-check", "SelfCheck"),
            ("core", "core-check", "CoreCheck"),
            ("std", "std-check", "StdCheck"),
            ("test", "test-check", "TestCheck"),
            ("match", "match-check", "MatchCheck"),
            ("proc-macro", "proc-macro-check", "ProcMacroCheck"),
            ("engine-plugin-api", "engine-plugin-api-check", "EnginePluginApiCheck"),
            ("con", "con-check", "ConCheck"),
        ] {
            let names = named(name);
            assert_eq!(names.package(), package);
            assert_eq!(
                names.filled("@TYPE@ @NAME@ @CRATE@"),
                format!("{shown} {package} {}", package.replace('-', "_"))
            );
            assert_eq!(names.filled("@ID@ @CODE@"), format!("acme.{name} {name}-missing"));
            assert!(!words.contains(&shown) && !["Check", "Config"].contains(&shown), "{shown} hides another");
        }
    }
}
