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
    #[cfg(target_os = "linux")]
    assert!(error(20).await.to_string().contains("its process was ended by the engine: it had more than 512 threads"));
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
async fn what_a_library_says_in_its_hosts_name_is_held_to_the_same_limits() {
    let _alone = alone().await;
    let forged = async |variant: usize| {
        described(&compiled("forge.c", &format!("forge{variant}"), Some(variant))).await.unwrap_err()
    };
    let (large, slow, empty) = tokio::join!(forged(0), forged(1), forged(2));
    assert!(matches!(&large, LoadError::Manifest { why } if why.contains("more than it may have")), "{large:?}");
    assert_eq!(slow, LoadError::Unresponsive { phase: "loading".to_owned() });
    assert!(matches!(&empty, LoadError::Manifest { why } if why.contains("no checks")), "{empty:?}");
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_of_a_file_that_is_not_the_one_expected() {
    let _alone = alone().await;
    // Its constructor never ends.
    let file = compiled("broken.c", "broken-other", Some(13));
    let error = plugin::describe(&host(), &file, Some(&"0".repeat(64))).await.unwrap_err();
    assert!(matches!(error, LoadError::HashMismatch { .. }), "{error:?}");
    // What is no file at all keeps nobody waiting.
    let pipe = folder().join("pipe.so");
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = described(&pipe).await.unwrap_err();
    assert!(matches!(&error, LoadError::NotFound { why, .. } if why.contains("no ordinary file")), "{error:?}");
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_that_no_host_knows_counts_as_the_most_dangerous() {
    let _alone = alone().await;
    let hello = described(&compiled("broken.c", "broken16", Some(16))).await.unwrap();
    assert_eq!(hello.described.document.checks[0].side_effect, SideEffect::SendsMail);
    assert_nothing_left().await;
}
