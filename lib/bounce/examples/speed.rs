//! How many messages are decoded in a second, on one core:
//! `cargo run --release -p bounce --example speed -- FOLDER`.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

/// How often the folder is gone through; the least time of each message counts, so that other programs do not.
const ROUNDS: usize = 30;

fn main() {
    let folder = std::env::args().nth(1).expect("give a folder of messages");
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let messages: Vec<Vec<u8>> = entries
        .map(|entry| std::fs::read(entry.expect("the entry can be read").path()).expect("the file can be read"))
        .collect();
    let mut least = vec![Duration::MAX; messages.len()];
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for (message, least) in messages.iter().zip(&mut least) {
            let begun = Instant::now();
            std::hint::black_box(bounce::decode(message));
            *least = begun.elapsed().min(*least);
        }
        best = best.min(begun.elapsed());
    }
    let a_second = |took: Duration| messages.len() as f64 / took.as_secs_f64();
    println!("{} messages; best of {ROUNDS} rounds: {:.0} a second", messages.len(), a_second(best));
    println!("by the least time of each message: {:.0} a second", a_second(least.iter().sum()));
}
