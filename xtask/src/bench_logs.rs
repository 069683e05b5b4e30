//! How fast logs are read, and in how much memory; a part of `bench rejections`.
//!
//! Prints for each kind of log megabytes a second on one core, by CPU time of
//! this process (Linux) and by the clock, and the peak of memory after ten and
//! after a hundred times the log, which must not differ much.

use std::{io::Read, time::Instant};

use mail_logs::{Logs, Today};
use smtp_reasons::Knowledge;

/// Bytes of the log that is repeated.
const SAMPLE: usize = 8 << 20;

/// How often each log is read over.
const TIMES: usize = 100;

/// Prints the figures.
pub fn bench() -> anyhow::Result<()> {
    println!("{:<10} {:>9} {:>9} {:>10} {:>10} {:>11}", "log", "MB", "lines", "MB/s CPU", "MB/s clock", "peak memory");
    for (name, log) in [("postfix", postfix(SAMPLE)), ("exim", exim(SAMPLE)), ("sendmail", sendmail(SAMPLE))] {
        for times in [TIMES / 10, TIMES] {
            let source = Repeat { log: log.as_bytes(), at: 0, times };
            let (started, cpu) = (Instant::now(), cpu_seconds());
            let mut logs = Logs::new(Today { year: 2026, month: 11, day: 25 }, Knowledge::builtin());
            logs.read(name, source)?;
            let report = logs.report(10);
            let (clock, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            let file = &report.files[0];
            let megabytes = file.bytes as f64 / 1e6;
            println!(
                "{name:<10} {megabytes:>9.0} {:>9} {:>10.0} {:>10.0} {:>7} MiB",
                file.lines,
                megabytes / cpu,
                megabytes / clock,
                peak_memory()
            );
            if report.causes.len() <= 3 || file.recognised <= file.lines / 2 {
                anyhow::bail!("{name}: only {} causes were found", report.causes.len());
            }
        }
    }
    Ok(())
}

/// A log, again and again.
struct Repeat<'a> {
    log: &'a [u8],
    at: usize,
    times: usize,
}

impl Read for Repeat<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.log.len() {
            self.at = 0;
            self.times -= 1;
        }
        if self.times == 0 {
            return Ok(0);
        }
        let length = into.len().min(self.log.len() - self.at);
        into[..length].copy_from_slice(&self.log[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// CPU seconds of this process so far; 0 where `/proc` has none.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default().to_owned();
    let ticks = |at: usize| after.split(' ').nth(at).and_then(|n| n.parse::<f64>().ok()).unwrap_or_default();
    // utime and stime, in ticks of a hundredth of a second.
    (ticks(11) + ticks(12)) / 100.0
}

/// The most memory that this process had, in MiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

/// A sequence of numbers that looks random and is always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What servers answer: a third of all recipients is not delivered at once.
const ANSWERS: [(&str, &str, &str); 8] = [
    ("4.2.0", "450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see http://postgrey.example/help", "RCPT TO"),
    ("5.1.1", "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table", "RCPT TO"),
    (
        "5.7.26",
        "550-5.7.26 Your email has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM. 550 5.7.26 {id}.12 - gsmtp",
        "end of DATA",
    ),
    (
        "4.7.0",
        "421 4.7.0 [TSS04] Messages from 192.0.2.9 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1",
        "MAIL FROM",
    ),
    (
        "5.7.1",
        "550 5.7.1 Service unavailable, Client host [192.0.2.9] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.9",
        "RCPT TO",
    ),
    ("4.2.2", "452 4.2.2 The recipient's inbox is out of storage space {id} - gsmtp", "RCPT TO"),
    ("5.7.1", "554 5.7.1 <{to}>: Relay access denied", "RCPT TO"),
    ("4.3.2", "451 4.3.2 Temporary server error. Please try again later", "end of DATA"),
];

fn filled(answer: &str, to: &str, id: u64) -> String {
    answer.replace("{to}", to).replace("{id}", &format!("a{id}si{}qtp", id * 7))
}

fn postfix(bytes: usize) -> String {
    let (mut log, mut dice, mut n) = (String::new(), Dice(1), 0u64);
    while log.len() < bytes {
        n += 1;
        let (id, ip) = (format!("4{:09X}", n * 7919), dice.roll(250));
        let host = dice.roll(5_000);
        let to = format!("user{}@d{host}.example", dice.roll(100_000));
        let head = |service: &str| {
            format!(
                "Nov {:>2} {:02}:{:02}:{:02} mail postfix/{service}[{}]: ",
                1 + n / 90_000 % 25,
                n / 3600 % 24,
                n / 60 % 60,
                n % 60,
                1000 + n % 50
            )
        };
        let relay = if host % 3 == 0 { "gmail-smtp-in.l.google.com".to_owned() } else { format!("mx.d{host}.example") };
        log += &format!("{}{id}: client=app.shop.example[192.0.2.9]\n", head("smtpd"));
        log += &format!("{}{id}: message-id=<{n}.{ip}@shop.example>\n", head("cleanup"));
        log += &format!(
            "{}{id}: from=<news{}@shop.example>, size={}, nrcpt=1 (queue active)\n",
            head("qmgr"),
            n % 200,
            1000 + n % 9000
        );
        let common = format!("to=<{to}>, relay={relay}[192.0.2.{ip}]:25, delay=1.2, delays=0.1/0.01/0.5/0.6");
        if dice.roll(3) == 0 {
            let (dsn, answer, command) = ANSWERS[dice.roll(8) as usize];
            let status = if answer.starts_with('4') { "deferred" } else { "bounced" };
            log += &format!(
                "{}{id}: {common}, dsn={dsn}, status={status} (host {relay}[192.0.2.{ip}] said: {} (in reply to {command} command))\n",
                head("smtp"),
                filled(answer, &to, n)
            );
        } else {
            log += &format!("{}{id}: {common}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {id}9)\n", head("smtp"));
        }
        log += &format!("{}{id}: removed\n", head("qmgr"));
        if dice.roll(6) == 0 {
            log += &format!(
                "{}NOQUEUE: reject: RCPT from unknown[198.51.100.{ip}]: 554 5.7.1 <{to}>: Relay access denied; from=<s{n}@spam.example> to=<{to}> proto=ESMTP helo=<x{n}.example>\n",
                head("smtpd")
            );
        }
    }
    log
}

fn exim(bytes: usize) -> String {
    let (mut log, mut dice, mut n) = (String::new(), Dice(2), 0u64);
    while log.len() < bytes {
        n += 1;
        let time = format!("2026-11-{:02} {:02}:{:02}:{:02}", 1 + n / 90_000 % 25, n / 3600 % 24, n / 60 % 60, n % 60);
        let (id, host) = (format!("1r{:04}-{:06}-{:02}", n % 10_000, n % 1_000_000, n % 100), dice.roll(5_000));
        let to = format!("user{}@d{host}.example", dice.roll(100_000));
        log += &format!(
            "{time} {id} <= news{}@shop.example H=app.shop.example [192.0.2.9] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S={} id={n}@shop.example\n",
            n % 200,
            1000 + n % 9000
        );
        if dice.roll(3) == 0 {
            let (_, answer, command) = ANSWERS[dice.roll(8) as usize];
            let (flag, code) = if answer.starts_with('4') { ("==", " defer (-44)") } else { ("**", "") };
            log += &format!(
                "{time} {id} {flag} {to} R=dnslookup T=remote_smtp{code} H=mx.d{host}.example [192.0.2.1]: SMTP error from remote mail server after {command}:<{to}>: {}\n",
                filled(answer, &to, n)
            );
        } else {
            log += &format!(
                "{time} {id} => {to} R=dnslookup T=remote_smtp H=mx.d{host}.example [192.0.2.1] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C=\"250 2.0.0 Ok: queued as 4{n}\"\n"
            );
        }
        log += &format!("{time} {id} Completed\n");
        if dice.roll(6) == 0 {
            log += &format!(
                "{time} H=(x{n}.example) [198.51.100.{}] F=<s{n}@spam.example> rejected RCPT <{to}>: relay not permitted\n",
                n % 250
            );
        }
    }
    log
}

fn sendmail(bytes: usize) -> String {
    let (mut log, mut dice, mut n) = (String::new(), Dice(3), 0u64);
    while log.len() < bytes {
        n += 1;
        let head = format!(
            "Nov {:>2} {:02}:{:02}:{:02} mail sm-mta[{}]: ",
            1 + n / 90_000 % 25,
            n / 3600 % 24,
            n / 60 % 60,
            n % 60,
            1000 + n % 50
        );
        let (id, host) = (format!("5APA{:010}", n), dice.roll(5_000));
        let to = format!("user{}@d{host}.example", dice.roll(100_000));
        log += &format!(
            "{head}{id}: from=<news{}@shop.example>, size=1234, class=0, nrcpts=1, msgid=<{n}@shop.example>, proto=ESMTP, daemon=MTA, relay=app [192.0.2.9]\n",
            n % 200
        );
        let common = format!(
            "to=<{to}>, ctladdr=<news@shop.example> (1000/1000), delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=31234, relay=mx.d{host}.example. [192.0.2.1]"
        );
        if dice.roll(3) == 0 {
            let (dsn, answer, _) = ANSWERS[dice.roll(8) as usize];
            let stat = if answer.starts_with('4') {
                format!("Deferred: {}", filled(answer, &to, n))
            } else {
                "Service unavailable".to_owned()
            };
            log += &format!("{head}{id}: {common}, dsn={dsn}, reply={}, stat={stat}\n", filled(answer, &to, n));
        } else {
            log += &format!("{head}{id}: {common}, dsn=2.0.0, stat=Sent (OK id={n})\n");
        }
    }
    log
}
