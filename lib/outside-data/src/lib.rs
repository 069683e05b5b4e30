//! Finds the test material that is no part of the project. For tests only.

use std::path::{Path, PathBuf};

/// The file or folder `name` of the outside material: in the folder that
/// `MAIL_TEST_DATA` names, else in `../shared/data` beside the checkout;
/// `None`, and a line that says so, when it is in neither.
///
/// # Panics
/// When it is in neither and `ENGINE_TESTS_REQUIRE_DATA` is set: then no test
/// over it may be skipped.
pub fn find(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let given = std::env::var_os("MAIL_TEST_DATA").map(PathBuf::from);
    let found = given.into_iter().chain([beside]).map(|folder| folder.join(name)).find(|path| path.exists());
    if found.is_none() {
        let missing = format!("no {name} in MAIL_TEST_DATA or ../shared/data");
        assert!(std::env::var_os("ENGINE_TESTS_REQUIRE_DATA").is_none(), "{missing}, and it is required");
        println!("skipped: {missing}");
    }
    found
}
