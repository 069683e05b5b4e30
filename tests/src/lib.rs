//! What the whole-program tests share: runs over a lab, and the program.

use std::path::PathBuf;

pub use scenario_play::{net_options, order, run, run_over, target};

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
