//! Which files may be opened as plugins: only what nobody else could have
//! changed.

use std::{fs::File, io::Read, path::Path};

use ring::digest::{Context, SHA256};

use crate::LoadError;

/// The largest file that is taken as a plugin, in bytes.
const LARGEST: u64 = 512 << 20;

/// A file that may be loaded, held open so that it stays the one that was examined.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// Its absolute path without links.
    pub path: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it begins as a WebAssembly module does.
    pub wasm: bool,
}

/// Opens a plugin's file and reads it through once.
///
/// The file and every folder above it must belong to root or to the user who
/// runs this, and nobody else may write to them; a folder whose sticky bit is
/// set (`/tmp`) is fine, because others can only add to it. Links are resolved
/// first.
///
/// # Errors
/// [`LoadError::NotFound`], [`LoadError::UnsafePermissions`].
pub fn open(path: &Path) -> Result<Opened, LoadError> {
    let unread = |path: &Path, why: String| LoadError::NotFound { path: path.display().to_string(), why };
    let real = path.canonicalize().map_err(|error| unread(path, error.to_string()))?;
    let text = real.to_str().ok_or_else(|| unread(&real, "its path is not UTF-8".to_owned()))?.to_owned();
    let failed = |error: std::io::Error| unread(&real, error.to_string());
    let mut file = opened(&real).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(unread(&real, "it is no ordinary file".to_owned()));
    }
    if about.len() > LARGEST {
        return Err(unread(&real, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    owned(&real, &about)?;
    secure(&real)?;
    let Digest { sha256, size, wasm } = digest(&mut file).map_err(failed)?;
    Ok(Opened { file, path: text, sha256, size, wasm })
}

/// Opens a file for reading; one that is no ordinary file keeps nobody waiting.
fn opened(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// Holds a file and every folder above it against the same rule.
///
/// # Errors
/// [`LoadError::NotFound`], [`LoadError::UnsafePermissions`].
pub fn secure(path: &Path) -> Result<(), LoadError> {
    let unread = |path: &Path, error: std::io::Error| LoadError::NotFound {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    let real = path.canonicalize().map_err(|error| unread(path, error))?;
    for part in real.ancestors() {
        owned(part, &part.metadata().map_err(|error| unread(part, error))?)?;
    }
    Ok(())
}

/// Whether this runs for root, or as somebody other than who started it.
pub fn is_root() -> bool {
    #[cfg(unix)]
    {
        let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
        effective.is_root() || real != effective
    }
    #[cfg(not(unix))]
    false
}

/// What reading a file through once tells of it.
struct Digest {
    /// Its SHA-256 in hexadecimal.
    sha256: String,
    size: u64,
    wasm: bool,
}

fn digest(file: &mut File) -> std::io::Result<Digest> {
    let mut hash = Context::new(&SHA256);
    let (mut size, mut wasm) = (0, false);
    let mut part = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            break;
        }
        if size == 0 {
            wasm = part[..read].starts_with(b"\0asm");
        }
        hash.update(&part[..read]);
        size += read as u64;
    }
    let sha256 = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Digest { sha256, size, wasm })
}

#[cfg(unix)]
fn owned(path: &Path, about: &std::fs::Metadata) -> Result<(), LoadError> {
    use std::os::unix::fs::MetadataExt;
    let unsafe_because = |why: String| Err(LoadError::UnsafePermissions { path: path.display().to_string(), why });
    let me = rustix::process::geteuid().as_raw();
    if about.uid() != 0 && about.uid() != me {
        return unsafe_because(format!("belongs to user {}", about.uid()));
    }
    let sticky_folder = about.is_dir() && about.mode() & 0o1000 != 0;
    if about.mode() & 0o022 != 0 && !sticky_folder {
        return unsafe_because(format!("can be written by others (mode {:o})", about.mode() & 0o7777));
    }
    Ok(())
}

/// Elsewhere the system's own rules for program folders have to do.
#[cfg(not(unix))]
fn owned(_: &Path, _: &std::fs::Metadata) -> Result<(), LoadError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;

    /// A folder of our own with a file of `mode` in a folder of `folder_mode`.
    fn laid(folder_mode: u32, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("plugins");
        fs::create_dir(&folder).unwrap();
        let file = folder.join("a.so");
        fs::write(&file, b"abc").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(folder_mode)).unwrap();
        (top, file)
    }

    #[test]
    fn a_file_that_only_we_can_change_is_opened_and_hashed() {
        let (_top, file) = laid(0o755, 0o644);
        let opened = open(&file).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(opened.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(opened.size, 3);
    }

    #[test]
    fn whoever_else_could_write_the_file_or_a_folder_above_it_is_named() {
        for (folder, file, at_fault) in [(0o775, 0o644, "plugins"), (0o757, 0o644, "plugins"), (0o755, 0o664, "a.so")] {
            let (_top, path) = laid(folder, file);
            match open(&path) {
                Err(LoadError::UnsafePermissions { path, why }) => {
                    assert!(path.ends_with(at_fault) && why.contains("others"), "{path}: {why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_link_is_followed_to_what_it_leads_to() {
        let (top, file) = laid(0o775, 0o644);
        let link = top.path().join("link.so");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(open(&link), Err(LoadError::UnsafePermissions { .. })));
    }

    #[test]
    fn what_is_no_file_is_not_found() {
        let (top, _) = laid(0o755, 0o644);
        assert!(matches!(open(top.path()), Err(LoadError::NotFound { .. })));
        assert!(matches!(open(&top.path().join("none.so")), Err(LoadError::NotFound { .. })));
    }
}
