//! Files that are no plugin, or none that can be taken: each its own error.

use engine_core::plugin::{Crash, LoadError};
use engine_plugin_api::SideEffect;

use super::*;

async fn error(variant: usize) -> LoadError {
    described(&compiled("broken.c", &format!("broken{variant}"), Some(variant))).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_file_that_is_no_plugin_has_its_own_error() {
    let _alone = alone().await;
    let text = folder().join("text.so");
    std::fs::write(&text, "no library at all").unwrap();
    assert!(
        matches!(described(&text).await.unwrap_err(), LoadError::Dlopen { words } if words.contains("too short") || words.contains("ELF"))
    );
    assert!(matches!(described(&folder().join("none.so")).await.unwrap_err(), LoadError::NotFound { .. }));

    assert_eq!(error(0).await, LoadError::MissingSymbol);
    assert_eq!(error(1).await, LoadError::BadMagic);
    assert_eq!(error(2).await, LoadError::AbiMajor { plugin: 2, host: 1 });
    assert_eq!(error(3).await, LoadError::HostTooOld { needs_minor: 9, host_minor: 0 });
    assert!(matches!(error(4).await, LoadError::Truncated { what } if what.contains("32 of at least 64 bytes")));
    assert!(matches!(error(5).await, LoadError::Truncated { what } if what.contains("`create`")));
    for (variant, words) in
        [(6, "invalid type"), (7, "expected"), (11, "larger than 1024 KiB"), (14, "no checks"), (17, "status -1")]
    {
        assert!(
            matches!(error(variant).await, LoadError::Manifest { why } if why.contains(words)),
            "variant {variant}"
        );
    }
    assert!(matches!(error(9).await, LoadError::Dlopen { words } if words.contains("nowhere_defined")));
    assert_eq!(error(12).await, LoadError::BadEntry { null: true });
    assert!(matches!(error(10).await, LoadError::Crashed(Crash { signal: Some(6), .. })));
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_comes_back_from_loading_is_ended() {
    let _alone = alone().await;
    let hang = LoadError::Unresponsive { phase: "loading".to_owned() };
    // A manifest, and a constructor, that never end.
    let (manifest, constructor) = tokio::join!(error(8), error(13));
    assert_eq!((manifest, constructor), (hang.clone(), hang));
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_that_no_host_knows_counts_as_the_most_dangerous() {
    let _alone = alone().await;
    let hello = described(&compiled("broken.c", "broken16", Some(16))).await.unwrap();
    assert_eq!(hello.described.document.checks[0].side_effect, SideEffect::SendsMail);
    assert_nothing_left().await;
}
