//! The files of the SDK. Made by `cargo xtask generate`; do not edit.

/// Path in a plugin's folder `sdk`, and text.
pub const SDK: &[(&str, &str)] = &[
    ("engine-plugin-api/Cargo.toml", include_str!("../../../cli/templates/sdk/engine-plugin-api.toml")),
    ("engine-plugin-api/src/abi.rs", include_str!("../../../plugin-api/src/abi.rs")),
    ("engine-plugin-api/src/check.rs", include_str!("../../../plugin-api/src/check.rs")),
    ("engine-plugin-api/src/context.rs", include_str!("../../../plugin-api/src/context.rs")),
    ("engine-plugin-api/src/evidence.rs", include_str!("../../../plugin-api/src/evidence.rs")),
    ("engine-plugin-api/src/finding.rs", include_str!("../../../plugin-api/src/finding.rs")),
    ("engine-plugin-api/src/lib.rs", include_str!("../../../plugin-api/src/lib.rs")),
    ("engine-plugin-api/src/message.rs", include_str!("../../../plugin-api/src/message.rs")),
    ("engine-plugin-api/src/outcome.rs", include_str!("../../../plugin-api/src/outcome.rs")),
    ("engine-plugin-api/src/page.rs", include_str!("../../../plugin-api/src/page.rs")),
    ("engine-plugin-api/src/sdk/calls.rs", include_str!("../../../plugin-api/src/sdk/calls.rs")),
    ("engine-plugin-api/src/sdk/entry.rs", include_str!("../../../plugin-api/src/sdk/entry.rs")),
    ("engine-plugin-api/src/sdk/executor.rs", include_str!("../../../plugin-api/src/sdk/executor.rs")),
    ("engine-plugin-api/src/sdk/forward.rs", include_str!("../../../plugin-api/src/sdk/forward.rs")),
    ("engine-plugin-api/src/sdk/host.rs", include_str!("../../../plugin-api/src/sdk/host.rs")),
    ("engine-plugin-api/src/sdk/mod.rs", include_str!("../../../plugin-api/src/sdk/mod.rs")),
    ("engine-plugin-api/src/sdk/panic.rs", include_str!("../../../plugin-api/src/sdk/panic.rs")),
    ("engine-plugin-api/src/services/catalogue.rs", include_str!("../../../plugin-api/src/services/catalogue.rs")),
    ("engine-plugin-api/src/services/dns.rs", include_str!("../../../plugin-api/src/services/dns.rs")),
    ("engine-plugin-api/src/services/dnssec.rs", include_str!("../../../plugin-api/src/services/dnssec.rs")),
    ("engine-plugin-api/src/services/exchanger.rs", include_str!("../../../plugin-api/src/services/exchanger.rs")),
    ("engine-plugin-api/src/services/http.rs", include_str!("../../../plugin-api/src/services/http.rs")),
    ("engine-plugin-api/src/services/mod.rs", include_str!("../../../plugin-api/src/services/mod.rs")),
    ("engine-plugin-api/src/services/record.rs", include_str!("../../../plugin-api/src/services/record.rs")),
    ("engine-plugin-api/src/services/smtp.rs", include_str!("../../../plugin-api/src/services/smtp.rs")),
    ("engine-plugin-api/src/services/tls.rs", include_str!("../../../plugin-api/src/services/tls.rs")),
    ("engine-plugin-api/src/stance.rs", include_str!("../../../plugin-api/src/stance.rs")),
    ("engine-plugin-api/src/target.rs", include_str!("../../../plugin-api/src/target.rs")),
    ("engine-plugin-api/src/wire.rs", include_str!("../../../plugin-api/src/wire.rs")),
    ("engine-plugin-macros/Cargo.toml", include_str!("../../../cli/templates/sdk/engine-plugin-macros.toml")),
    ("engine-plugin-macros/src/lib.rs", include_str!("../../../plugin-api/macros/src/lib.rs")),
];

/// The C headers: name and text.
pub const HEADERS: &[(&str, &str)] = &[
    ("emc_plugin.h", include_str!("../../../plugin-api/include/emc_plugin.h")),
    ("emc_json.h", include_str!("../../../plugin-api/include/emc_json.h")),
    ("emc_check.h", include_str!("../../../plugin-api/include/emc_check.h")),
];
