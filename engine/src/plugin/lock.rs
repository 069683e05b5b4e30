//! The lock file: which plugins were added, as they were then. A run knows
//! their checks from here and opens none of their files before a check runs.

use std::{
    fs::{File, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use engine_plugin_host::{Crash, LoadError, library::Described, sandbox::Enforced, secure};
use serde::{Deserialize, Serialize};

use super::Description;

/// The `format` of a lock file.
const FORMAT: &str = "engine-plugins/1";
/// The largest lock file that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// How long to wait for another engine that changes it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a process of its own.
    Process,
    /// In the engine's process, because the user said so.
    Trusted,
}

/// One plugin that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The file's absolute path without links.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal: nothing else is loaded from this path.
    pub sha256: String,
    /// What it said of itself.
    pub described: Described,
    /// Where it runs.
    pub isolation: Isolation,
    /// What the system enforced on its process when it was added.
    pub enforced: Enforced,
    /// Crashes since it was added.
    #[serde(default)]
    pub crashes: u32,
    /// The latest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_crash: Option<Crash>,
}

impl Entry {
    /// A plugin as it has just described itself.
    pub fn new(description: Description, isolation: Isolation) -> Entry {
        let Description { described, path, sha256, size, enforced } = description;
        Entry { path, size, sha256, described, isolation, enforced, crashes: 0, last_crash: None }
    }

    /// The ids of its checks.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.described.document.checks.iter().map(|check| check.id.as_str())
    }
}

/// What the lock file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    format: String,
    /// The plugins, in order of their paths.
    pub plugins: Vec<Entry>,
}

impl Default for Lock {
    fn default() -> Self {
        Lock { format: FORMAT.to_owned(), plugins: Vec::new() }
    }
}

/// Why a lock file was not taken or not changed.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It could not be read or written.
    #[error("could not {doing} {path}: {source}")]
    File {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is none.
    #[error("{path} is no list of plugins: {why}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody else could have changed it.
    #[error("the list of plugins is not used: {0}")]
    Unsafe(LoadError),
    /// Another engine is changing it.
    #[error("{path} is being changed by another engine")]
    Busy {
        /// The file.
        path: String,
    },
    /// A plugin cannot be in it.
    #[error(transparent)]
    Refused(#[from] LoadError),
}

impl Lock {
    /// Reads a lock file; one that is not there holds nothing.
    ///
    /// # Errors
    /// When it cannot be read, others could have changed it, or it is no lock file.
    pub fn read(path: &Path) -> Result<Lock, LockError> {
        let shown = path.display().to_string();
        let failed = |source| LockError::File { doing: "read", path: shown.clone(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Lock::default()),
            Err(error) => return Err(failed(error)),
        };
        secure(path).map_err(LockError::Unsafe)?;
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(failed)?;
        let format = |why: String| LockError::Format { path: shown.clone(), why };
        if text.len() as u64 > LARGEST {
            return Err(format(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        let lock: Lock = serde_json::from_slice(&text).map_err(|error| format(error.to_string()))?;
        match lock.format.as_str() {
            FORMAT => Ok(lock),
            other => Err(format(format!("its format is `{other}`, expected `{FORMAT}`"))),
        }
    }

    /// Changes a lock file, alone: whoever else wants to waits. It is replaced
    /// whole; its folder is made where it is missing.
    ///
    /// # Errors
    /// As [`Lock::read`], and when it cannot be written or `change` fails.
    pub fn change<T>(path: &Path, change: impl FnOnce(&mut Lock) -> Result<T, LockError>) -> Result<T, LockError> {
        let shown = || path.display().to_string();
        let failed = |source| LockError::File { doing: "write", path: shown(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_folder(folder).map_err(failed)?;
        let guard = File::create(path.with_extension("lock-guard")).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match guard.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(LockError::Busy { path: shown() }),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let mut lock = Lock::read(path)?;
        let result = change(&mut lock)?;
        lock.plugins.sort_by(|a, b| a.path.cmp(&b.path));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, &lock).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(result)
    }

    /// Puts a plugin in, in the place of what was added from the same path.
    ///
    /// # Errors
    /// [`LoadError::DuplicateId`] when another file has a check of the same id.
    pub fn put(&mut self, entry: Entry) -> Result<(), LoadError> {
        self.plugins.retain(|old| old.path != entry.path);
        for old in &self.plugins {
            let taken = entry.ids().find(|id| old.ids().any(|other| other == *id)).map(str::to_owned);
            if let Some(id) = taken {
                return Err(LoadError::DuplicateId { id, first: old.path.clone(), second: entry.path });
            }
        }
        self.plugins.push(entry);
        Ok(())
    }

    /// The plugin that `name` names: the id of a check of it, its path, or its file's name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let real = Path::new(name).canonicalize().ok();
        self.plugins.iter().find(|entry| {
            let path = Path::new(&entry.path);
            let file = path.file_name().and_then(|file| file.to_str());
            entry.ids().any(|id| id == name)
                || entry.path == name
                || real.as_deref() == Some(path)
                || file == Some(name)
        })
    }

    /// Keeps in the file `path` how often the plugin of `plugin` has crashed.
    ///
    /// # Errors
    /// As [`Lock::change`].
    pub fn count_crashes(path: &Path, plugin: &str, crashes: u32, last: &Crash) -> Result<(), LockError> {
        Lock::change(path, |lock| {
            // It may have been removed meanwhile.
            if let Some(entry) = lock.plugins.iter_mut().find(|entry| entry.path == plugin) {
                entry.crashes = crashes;
                entry.last_crash = Some(last.clone());
            }
            Ok(())
        })
    }
}

/// Makes a folder that only we can write to, and those above it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The lock file of the user: `engine/plugins.lock` in the folder for data.
pub fn of_user(data: &Path) -> PathBuf {
    data.join("engine").join("plugins.lock")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn entry(path: &str, id: &str) -> Entry {
        let check = json!({"id": id, "version": "1.0.0", "summary": "s", "category": "dns", "inputs": [["domain"]],
            "side_effect": "passive-dns", "services": []});
        serde_json::from_value(json!({
            "path": path, "size": 1, "sha256": "00", "isolation": "process",
            "described": {"document": {"checks": [check], "sdk": "t"}, "minor": 0, "flags": 0},
            "enforced": {"calls": true, "files": true},
        }))
        .unwrap()
    }

    #[test]
    fn what_was_put_in_is_read_again_and_found_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("plugins.lock");
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());
        Lock::change(&path, |lock| Ok(lock.put(entry("/p/libb.so", "acme.b"))?)).unwrap();
        Lock::change(&path, |lock| Ok(lock.put(entry("/p/liba.so", "acme.a"))?)).unwrap();
        let lock = Lock::read(&path).unwrap();
        assert_eq!(
            lock.plugins.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(),
            ["/p/liba.so", "/p/libb.so"]
        );
        for name in ["acme.b", "/p/libb.so", "libb.so"] {
            assert_eq!(lock.find(name).unwrap().path, "/p/libb.so");
        }
        assert!(lock.find("acme").is_none());
    }

    #[test]
    fn an_id_that_is_taken_names_both_files_and_the_same_file_replaces_itself() {
        let mut lock = Lock::default();
        lock.put(entry("/p/a.so", "acme.a")).unwrap();
        lock.put(entry("/p/a.so", "acme.a")).unwrap();
        assert_eq!(lock.plugins.len(), 1);
        let error = lock.put(entry("/p/b.so", "acme.a")).unwrap_err().to_string();
        assert!(error.contains("/p/a.so") && error.contains("/p/b.so") && error.contains("acme.a"), "{error}");
    }

    #[test]
    fn crashes_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.lock");
        Lock::change(&path, |lock| Ok(lock.put(entry("/p/a.so", "acme.a"))?)).unwrap();
        let crash = Crash { signal: Some(11), ..Crash::default() };
        Lock::count_crashes(&path, "/p/a.so", 2, &crash).unwrap();
        let read = || Lock::read(&path).unwrap().plugins[0].clone();
        assert_eq!((read().crashes, read().last_crash), (2, Some(crash.clone())));
        Lock::count_crashes(&path, "/p/gone.so", 1, &crash).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_list_that_others_can_change_is_not_used_and_nonsense_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.lock");
        for (text, expected) in
            [("nonsense", "no list of plugins"), (r#"{"format":"engine-plugins/9","plugins":[]}"#, "engine-plugins/9")]
        {
            std::fs::write(&path, text).unwrap();
            assert!(Lock::read(&path).unwrap_err().to_string().contains(expected));
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(Lock::read(&path), Err(LockError::Unsafe(_))));
    }
}
