//! Logs of any bytes, packed or not: no panic, and counts that agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_logs::{Logs, Today};

const TODAY: Today = Today { year: 2026, month: 11, day: 25 };

fuzz_target!(|bytes: &[u8]| {
    let mut logs = Logs::new(TODAY, smtp_reasons::Knowledge::builtin());
    let _ = logs.read("fuzz", bytes);
    let report = logs.report(3);
    assert!(report.files[0].recognised <= report.files[0].lines);
    let events: u64 = report.causes.iter().map(|cause| cause.count).sum();
    assert!(events <= report.files[0].recognised);
    for line in bytes.split(|b| *b == b'\n') {
        let _ = mail_logs::read(line, TODAY);
    }
});
