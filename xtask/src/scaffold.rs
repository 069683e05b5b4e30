//! New checks and findings: the files that one would otherwise copy and forget half of.

use std::fs;

use anyhow::{Context, bail, ensure};

use crate::{is_kebab, root, type_name};

/// Makes the folder of a check that builds, with one finding and its page.
pub fn new_check(name: &str) -> anyhow::Result<()> {
    ensure!(is_kebab(name), "`{name}` is no check id: expected lower-case words joined by `-`");
    let folder = root().join("checks").join(name);
    ensure!(!folder.exists(), "{} is there already", folder.display());
    fs::create_dir_all(folder.join("src"))?;
    fs::create_dir_all(folder.join("findings"))?;
    let code = format!("{name}-missing");
    for (file, text) in [
        ("Cargo.toml", include_str!("../templates/check/Cargo.toml.in")),
        ("plugin.rs", include_str!("../templates/check/plugin.rs.in")),
        ("src/lib.rs", include_str!("../templates/check/lib.rs.in")),
        ("src/observe.rs", include_str!("../templates/check/observe.rs.in")),
        ("src/facts.rs", include_str!("../templates/check/facts.rs.in")),
        ("src/judge.rs", include_str!("../templates/check/judge.rs.in")),
    ] {
        let text = text.replace("@NAME@", name).replace("@TYPE@", &type_name(name)).replace("@CODE@", &code);
        let text = text.replace("@CONST@", &constant(&code)).replace("@CRATE@", &name.replace('-', "_"));
        fs::write(folder.join(file), text)?;
    }
    fs::write(folder.join("findings").join(format!("{code}.md")), page(name, &code))?;
    println!(
        "made checks/{name}; now run: cargo xtask generate, then cargo test -p engine-tests --test pages -- {name}"
    );
    Ok(())
}

/// Makes the page of a finding and adds it to its check's list.
pub fn new_finding(check: &str, code: &str) -> anyhow::Result<()> {
    ensure!(is_kebab(code), "`{code}` is no finding code: expected lower-case words joined by `-`");
    let folder = root().join("checks").join(check);
    ensure!(folder.is_dir(), "there is no check `{check}`");
    let path = folder.join("findings").join(format!("{code}.md"));
    ensure!(!path.exists(), "{} is there already", path.display());
    let lib = folder.join("src/lib.rs");
    let source = fs::read_to_string(&lib)?;
    let start = source.find("findings! {").context("src/lib.rs has no `findings! { … }`")?;
    let Some(end) = source[start..].find("\n}").map(|at| start + at + 1) else {
        bail!("the `findings! {{` of src/lib.rs does not end");
    };
    fs::write(&lib, format!("{}    {} = \"{code}\",\n{}", &source[..end], constant(code), &source[end..]))?;
    fs::create_dir_all(folder.join("findings"))?;
    fs::write(&path, page(check, code))?;
    println!("made checks/{check}/findings/{code}.md and {} in src/lib.rs", constant(code));
    println!("next: write the page, find it in src/judge.rs, then run");
    println!("  cargo test -p check-{check} && cargo test -p engine-tests --test pages -- {code}");
    Ok(())
}

fn constant(code: &str) -> String {
    code.replace('-', "_").to_ascii_uppercase()
}

fn page(check: &str, code: &str) -> String {
    include_str!("../templates/page.md.in").replace("@NAME@", check).replace("@CODE@", code)
}
