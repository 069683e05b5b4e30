//! The frames that come out of a plugin's process: whatever it sends, reading
//! ends in frames or an error, and what was read is written as it came.
#![no_main]

use engine_plugin_host::frame::Frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    loop {
        let before = rest;
        let Ok(Some(frame)) = Frame::read(&mut rest) else { break };
        let Frame { kind, run, tag, status, parts: [a, b, c] } = &frame;
        let written = Frame::encode(*kind, *run, *tag, *status, [a, b, c]).expect("what was read can be written");
        assert_eq!(written, before[..before.len() - rest.len()]);
    }
});
