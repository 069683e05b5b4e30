//! `include/emc_plugin.h` says in C what `src/abi.rs` says in Rust: a C program
//! prints every size, offset and number, and they are compared one by one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    mem::{offset_of, size_of},
    path::Path,
    process::Command,
};

use engine_plugin_api::abi::{self, Bytes, Completion, Header, HostTable, PluginTable, limits};

/// Every expression in C with its value in Rust.
fn expected() -> BTreeMap<String, i128> {
    let mut values = BTreeMap::new();
    let mut add = |c: &str, value: i128| assert!(values.insert(c.to_owned(), value).is_none(), "{c} twice");
    macro_rules! fields {
        ($c:literal, $rust:ty, $($field_c:literal = $field:ident),+) => {
            add(concat!("sizeof(", $c, ")"), size_of::<$rust>() as i128);
            $(add(concat!("offsetof(", $c, ", ", $field_c, ")"), offset_of!($rust, $field) as i128);)+
        };
    }
    fields!(
        "emc_header",
        Header,
        "magic" = magic,
        "major" = major,
        "minor" = minor,
        "min_minor" = min_minor,
        "flags" = flags,
        "size" = size,
        "reserved" = reserved
    );
    fields!("emc_bytes", Bytes, "ptr" = ptr, "len" = len);
    fields!(
        "emc_completion",
        Completion,
        "tag" = tag,
        "status" = status,
        "reserved" = reserved,
        "head" = head,
        "body" = body
    );
    fields!(
        "emc_host",
        HostTable,
        "h" = header,
        "submit" = submit,
        "next" = next,
        "nudge" = nudge,
        "cancel" = cancel,
        "emit" = emit,
        "call" = call,
        "get_extension" = get_extension
    );
    fields!(
        "emc_plugin",
        PluginTable,
        "h" = header,
        "manifest" = manifest,
        "create" = create,
        "run" = run,
        "destroy" = destroy,
        "get_extension" = get_extension
    );
    macro_rules! numbers {
        ($($c:literal = $value:expr),+ $(,)?) => { $(add($c, $value as i128);)+ };
    }
    numbers!(
        "EMC_MAGIC" = abi::MAGIC,
        "EMC_MAJOR" = abi::MAJOR,
        "EMC_MINOR" = abi::MINOR,
        "EMC_OK" = abi::OK,
        "EMC_NUDGED" = abi::NUDGED,
        "EMC_E_FAILED" = abi::E_FAILED,
        "EMC_E_CANCELLED" = abi::E_CANCELLED,
        "EMC_E_ENDED" = abi::E_ENDED,
        "EMC_E_UNSUPPORTED" = abi::E_UNSUPPORTED,
        "EMC_E_DENIED" = abi::E_DENIED,
        "EMC_E_LIMIT" = abi::E_LIMIT,
        "EMC_E_BAD_ARG" = abi::E_BAD_ARG,
        "EMC_E_PANIC" = abi::E_PANIC,
        "EMC_E_CONFIG" = abi::E_CONFIG,
        "EMC_E_INTERNAL" = abi::E_INTERNAL,
        "EMC_E_TIMEOUT" = abi::E_TIMEOUT,
        "EMC_EMISSION" = abi::KIND_EMISSION,
        "EMC_OUTCOME" = abi::KIND_OUTCOME,
        "EMC_LOG" = abi::KIND_LOG,
        "EMC_PANIC" = abi::KIND_PANIC,
        "EMC_FLAG_PANIC_ABORT" = abi::FLAG_PANIC_ABORT,
        "EMC_FLAG_SERIAL" = abi::FLAG_SERIAL,
        "EMC_LIMIT_MANIFEST" = limits::MANIFEST,
        "EMC_LIMIT_ARGUMENT" = limits::ARGUMENT,
        "EMC_LIMIT_MESSAGE" = limits::MESSAGE,
        "EMC_LIMIT_EMITTED" = limits::EMITTED,
        "EMC_LIMIT_EMISSIONS" = limits::EMISSIONS,
        "EMC_LIMIT_CALLS" = limits::CALLS,
        "EMC_LIMIT_IN_FLIGHT" = limits::IN_FLIGHT,
        "EMC_LIMIT_WAITING" = limits::WAITING,
        "((emc_header)EMC_HEADER(0)).size" = PluginTable::SIZE,
        "((emc_header)EMC_HEADER(0)).magic" = abi::MAGIC,
        "((emc_header)EMC_HEADER(3)).flags" = 3,
    );
    values
}

fn cc(arguments: &[&str]) -> std::process::Output {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    Command::new(compiler).args(arguments).output().expect("a C compiler is needed")
}

fn include() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include").to_str().unwrap().to_owned()
}

#[test]
fn the_c_header_says_what_the_rust_module_says() {
    let expected = expected();
    let prints: String =
        expected.keys().map(|c| format!("  printf(\"%s\\t%lld\\n\", \"{c}\", (long long)({c}));\n")).collect();
    let program = format!(
        "#include <stdio.h>\n#include \"emc_plugin.h\"\n#include \"emc_plugin.h\"\nint main(void) {{\n{prints}  return 0;\n}}\n"
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, program).unwrap();
    let built = cc(&[
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-I",
        &include(),
        source.to_str().unwrap(),
        "-o",
        binary.to_str().unwrap(),
    ]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let printed = Command::new(&binary).output().unwrap();
    let printed: BTreeMap<String, i128> = String::from_utf8(printed.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(c, value)| (c.to_owned(), value.parse().unwrap()))
        .collect();
    assert_eq!(printed, expected);
}

#[test]
fn every_name_of_the_c_header_is_compared() {
    let header = std::fs::read_to_string(Path::new(&include()).join("emc_plugin.h")).unwrap();
    let compared: String = expected().into_keys().collect::<Vec<_>>().join(" ");
    let helpers = ["EMC_EXPORT", "EMC_HAS", "EMC_ASSERT_LAYOUT", "EMC_PLUGIN_H", "EMC_FLAG_", "EMC_HEADER"];
    for word in header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("EMC_")) {
        assert!(compared.contains(word) || helpers.contains(&word), "{word} is not compared");
    }
    assert!(header.contains(abi::ENTRY));
}

/// The header's own assertions hold with 4-byte pointers, and in C++.
#[test]
fn the_c_header_holds_on_32_bits_and_in_cxx() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("only.c");
    std::fs::write(&source, "#include \"emc_plugin.h\"\n").unwrap();
    let source = source.to_str().unwrap();
    for flags in [&["-m32", "-std=c11", "-ffreestanding"][..], &["-x", "c++", "-std=c++17", "-ffreestanding"][..]] {
        let mut arguments = vec!["-fsyntax-only", "-I"];
        let include = include();
        arguments.push(&include);
        arguments.extend(flags);
        arguments.push(source);
        let checked = cc(&arguments);
        let words = String::from_utf8_lossy(&checked.stderr);
        // A compiler that cannot build for the other target, or no C++, says nothing about the header.
        let cannot = ["unrecognized", "unsupported", "not recognized", "cannot execute", "not installed"];
        assert!(checked.status.success() || cannot.iter().any(|word| words.contains(word)), "{flags:?}: {words}");
    }
}

/// `emc_json.h` reads good JSON rightly and damaged JSON without a step outside,
/// under the sanitizers where the compiler has them.
#[test]
fn the_c_json_reader_is_right_and_total() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c_json.c");
    let binary = folder.join("c_json");
    let include = include();
    let mut arguments = vec!["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-I", &include];
    arguments.extend([source.to_str().unwrap(), "-o", binary.to_str().unwrap()]);
    let mut sanitized = arguments.clone();
    sanitized.extend(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    let built = if cc(&sanitized).status.success() { None } else { Some(cc(&arguments)) };
    assert!(built.as_ref().is_none_or(|built| built.status.success()), "{built:?}");
    let run = Command::new(&binary).output().unwrap();
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
}
