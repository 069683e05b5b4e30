//! Messages of any bytes with a signature of any text: no panic, and what holds
//! holds whatever the line ends are.
#![no_main]

use dkim_verify::{Message, verify};
use libfuzzer_sys::fuzz_target;
use mail_syntax::dkim::{KeyRecord, Signature};

/// RFC 6376 §C.2 and RFC 8463 §A.2.
const KEYS: [&str; 2] = [
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB",
    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
];

fuzz_target!(|bytes: &[u8]| {
    let message = Message::read(bytes);
    let length: usize = message.fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    assert!(length + message.body.len() <= bytes.len());
    for at in message.named("dkim-signature").take(2) {
        let signature = Signature::parse(&message.fields[at].value_text());
        for key in KEYS {
            let key = KeyRecord::parse(key).key;
            let Some(verified) = verify(&message, at, &signature, &key) else { continue };
            if verified.holds() && !bytes.contains(&b'\r') {
                let other: Vec<u8> = bytes
                    .iter()
                    .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
                    .collect();
                let message = Message::read(&other);
                let signature = Signature::parse(&message.fields[at].value_text());
                assert!(verify(&message, at, &signature, &key).is_some_and(|verified| verified.holds()));
            }
        }
    }
});
