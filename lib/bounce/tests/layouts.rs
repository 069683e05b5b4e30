//! The forms in which mail systems tell a failure in words, one message each,
//! written from memory of them after all rules were: what is read from each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use bounce::{Kind, decode};

/// File, recipient, reason, status, reply code; `-` where the message holds none.
const LAYOUTS: &str = "
activehunter                    kim@b.example         mailbox-unknown    5.1.1  550
addresses-had-delivery-errors   kim@b.example         mailbox-unknown    -      -
apache-james                    kim@b.example         mailbox-unknown    5.1.1  550
barracuda                       kim@b.example         spam               -      -
courier                         kim@b.example         relay-denied       5.7.1  554
delivery-problems               kim@b.example         mailbox-full       -      -
domino                          kim@b.example         mailbox-unknown    -      -
einsundeins                     kim@b.example         too-large          -      -
errors-in-brackets              kim@b.example         mailbox-unknown    5.1.1  550
exchange-2000                   kim@b.example         mailbox-unknown    5.1.1  -
exim-warning                    kim@b.example         greylisted         4.2.0  450
godaddy                         kim@b.example         mailbox-full       -      -
groupwise                       kim@b.example         mailbox-unknown    -      -
interscan                       kim@b.example         mailbox-unknown    5.1.1  550
mailfoundry                     kim@b.example         mailbox-full       5.2.2  552
mailmarshal                     kim@b.example         mailbox-unknown    5.1.1  550
mimecast                        kim@b.example         sender-not-allowed -      550
problem-with-the-addresses      kim@b.example         mailbox-full       -      -
talking-to                      kim@b.example         mailbox-unknown    -      553
verizon                         8005550199@vtext.com  mailbox-unknown    -      -
yandex                          kim@b.example         spam               5.7.1  550
";

#[test]
fn layouts_of_many_systems_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts");
    let files = std::fs::read_dir(&folder).unwrap().count();
    let rows: Vec<&str> = LAYOUTS.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(files, rows.len(), "each file has its row");
    let mut wrong = Vec::new();
    for row in rows {
        let expected: Vec<&str> = row.split_whitespace().collect();
        let message = std::fs::read(folder.join(format!("{}.eml", expected[0]))).unwrap();
        let reports = decode(&message);
        let [report] = reports.as_slice() else { panic!("{row}: {} reports", reports.len()) };
        let read: Vec<String> = match report.recipients.as_slice() {
            [recipient] if matches!(report.kind, Kind::Bounce | Kind::Delay) => vec![
                expected[0].to_owned(),
                recipient.address.clone(),
                recipient.reason.word().to_owned(),
                recipient.status.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                recipient.code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
            ],
            recipients => vec![format!("{:?} with {} recipients", report.kind, recipients.len())],
        };
        if read != expected {
            wrong.push(format!("{row}\n  read: {}", read.join("  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
