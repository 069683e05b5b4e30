//! The project's own chores: `cargo xtask COMMAND`.

mod api;
mod bench;
mod bench_logs;
mod bench_rejections;
mod bench_spf;
mod generate;
mod scaffold;
mod sdk;
mod services_page;

use anyhow::bail;

const USAGE: &str = "usage: cargo xtask COMMAND

  new-check NAME           a check's folder, with one finding and its page
  new-finding CHECK CODE   a finding's page, and its line in the check's list
  generate [--check]       the list of checks and the generated documents;
                           with --check only says what is out of date
  bench                    what a run costs, over the lab alone: round trips,
                           questions, start-up, size, evaluations of SPF
  bench-spf                the last of these alone, in the profile that it is
                           built in
  bench plugins            what the plugin boundary costs, beside a linked check
  bench rejections FOLDER  how many of the bounces there are decoded in a second,
                           beside flufl.bounce, and how fast logs are read
  bench-rejections FOLDER  the same, in the profile that it is built in";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["new-check", name] => scaffold::new_check(name),
        ["new-finding", check, code] => scaffold::new_finding(check, code),
        ["generate"] => generate::generate(false),
        ["generate", "--check"] => generate::generate(true),
        ["bench"] => bench::bench(),
        ["bench", "plugins"] => bench::plugins(),
        ["bench", "rejections", folder] => bench_rejections::bench(folder),
        ["bench-rejections", folder] => bench_rejections::measure(folder),
        ["bench-spf"] => bench_spf::bench(),
        _ => bail!("{USAGE}"),
    }
}

/// The folder of the workspace.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `reverse-dns` as `ReverseDns`.
fn type_name(check: &str) -> String {
    check
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect()
}

/// `a-b2` and the like, lower case.
fn is_kebab(word: &str) -> bool {
    !word.is_empty()
        && word
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}
