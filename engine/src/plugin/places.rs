//! Where plugins are looked for. Never in the working directory, never in a
//! folder that is not named whole, never in folders below.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where plugins and their list are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The folders in which a plugin's file is found by its name, in order.
    pub folders: Vec<PathBuf>,
    /// The lock file; `None` where the user has no folder for data.
    pub lock: Option<PathBuf>,
}

/// The folders of the system.
const SYSTEM: [&str; 2] = ["/usr/local/lib/engine/plugins", "/usr/lib/engine/plugins"];

impl Places {
    /// The places of the user who runs this, from the environment:
    /// `ENGINE_PLUGIN_PATH` and `XDG_DATA_HOME` (or `HOME`). Root's environment
    /// names no plugins, because others may have set it.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Places {
        let root = engine_plugin_host::is_root();
        let data = variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|data| data.is_absolute())
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local").join("share")))
            .filter(|data| data.is_absolute());
        let mut folders = Vec::new();
        if !root {
            let path = variable("ENGINE_PLUGIN_PATH").unwrap_or_default();
            folders.extend(std::env::split_paths(&path).filter(|folder| folder.is_absolute()));
            folders.extend(data.as_ref().map(|data| data.join("engine").join("plugins")));
        }
        if cfg!(unix) {
            folders.extend(SYSTEM.map(PathBuf::from));
        }
        Places { folders, lock: data.map(|data| super::lock::of_user(&data)) }
    }

    /// The file that `name` means: a path as it stands, a bare name in the
    /// first folder that has it.
    pub fn find(&self, name: &Path) -> Option<PathBuf> {
        let bare = name.components().count() == 1 && name.file_name() == Some(name.as_os_str());
        match bare {
            false => Some(name.to_owned()),
            true => self.folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()),
        }
    }

    /// All libraries in the folders, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in &self.folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let library = |path: &PathBuf| path.extension().is_some_and(|end| end == std::env::consts::DLL_EXTENSION);
            let mut here: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(library)
                .filter(|path| path.is_file())
                .collect();
            here.sort();
            files.append(&mut here);
        }
        files
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bare_name_is_looked_for_in_the_folders_and_never_here() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { folders: vec![folder.path().to_owned()], lock: None };
        let name = format!("liba.{}", std::env::consts::DLL_EXTENSION);
        let file = folder.path().join(&name);
        std::fs::write(&file, "").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert_eq!(places.find(Path::new(&name)), Some(file.clone()));
        // There is such a file in the folder that tests run in.
        assert_eq!(places.find(Path::new("Cargo.toml")), None);
        assert_eq!(places.find(Path::new("./Cargo.toml")), Some(PathBuf::from("./Cargo.toml")));
        assert_eq!(places.files(), [file]);
    }

    #[cfg(unix)]
    #[test]
    fn only_whole_paths_count_and_none_of_roots_environment() {
        let set = |name: &str| match name {
            "ENGINE_PLUGIN_PATH" => Some(OsString::from("relative:/opt/plugins:")),
            "XDG_DATA_HOME" => Some(OsString::from("also/relative")),
            "HOME" => Some(OsString::from("/home/me")),
            _ => None,
        };
        let places = Places::of_user(set);
        assert_eq!(places.lock, Some(PathBuf::from("/home/me/.local/share/engine/plugins.lock")));
        let mut expected: Vec<PathBuf> = SYSTEM.map(PathBuf::from).to_vec();
        if !engine_plugin_host::is_root() {
            expected.insert(0, "/opt/plugins".into());
            expected.insert(1, "/home/me/.local/share/engine/plugins".into());
        }
        assert_eq!(places.folders, expected);
    }
}
