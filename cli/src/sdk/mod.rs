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
    /// The name without the vendor: folder, crate and file.
    pub name: String,
}

impl Names {
    fn filled(&self, template: &str) -> String {
        let words = self.name.split('-').filter_map(|word| {
            let mut letters = word.chars();
            Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
        });
        template
            .replace("@ID@", &self.id)
            .replace("@NAME@", &self.name)
            .replace("@CODE@", &self.code())
            .replace("@CRATE@", &self.file())
            .replace("@TYPE@", &words.collect::<String>())
    }

    /// The code of its finding.
    fn code(&self) -> String {
        format!("{}-missing", self.name)
    }

    /// Its name in file names and Rust paths.
    pub fn file(&self) -> String {
        self.name.replace('-', "_")
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
