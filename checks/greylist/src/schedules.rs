//! When senders try again, and whether they live through a greylisting delay.

use std::time::Duration;

/// How one sending system retries a message that was put off.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The system, as people call it.
    pub system: &'static str,
    /// Minutes from the first attempt to the first retries.
    first: &'static [u64],
    /// Minutes between later ones.
    then_every: u64,
    /// Hours after which it gives up.
    gives_up: u64,
    /// Where its defaults are written down.
    pub source: &'static str,
}

impl Schedule {
    /// When the first retry comes that is no earlier than `delay` after the
    /// first attempt; `None` when the system gives up before.
    pub fn first_retry_after(&self, delay: Duration) -> Option<Duration> {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let gives_up = minutes(self.gives_up * 60);
        let last = self.first.last().copied().unwrap_or(0);
        let later = (1..).map(|n| last + n * self.then_every);
        let retries = self.first.iter().copied().chain(later).map(minutes);
        retries.take_while(|&at| at <= gives_up).find(|&at| at >= delay)
    }
}

/// Default schedules. Gmail, Yahoo and iCloud publish none.
pub const SCHEDULES: &[Schedule] = &[
    Schedule {
        system: "RFC 5321 at its slowest",
        first: &[30],
        then_every: 30,
        gives_up: 96,
        source: "RFC 5321 §4.5.4.1: at least 30 minutes between tries, 4 to 5 days in all",
    },
    Schedule {
        system: "Postfix",
        // every queue run of 5 minutes, then each time after the message's own age
        first: &[5, 10, 20, 40, 80],
        then_every: 67,
        gives_up: 120,
        source: "postconf(5): minimal_backoff_time 300s, maximal_backoff_time 4000s, maximal_queue_lifetime 5d",
    },
    Schedule {
        system: "Exim",
        first: &[15, 30, 45, 60, 75, 90, 105, 120, 180, 270, 405, 608, 911],
        then_every: 360,
        gives_up: 96,
        source: "the default configuration's retry rule: F,2h,15m; G,16h,1h,1.5; F,4d,6h",
    },
    Schedule {
        system: "Sendmail",
        first: &[60],
        then_every: 60,
        gives_up: 120,
        source: "Sendmail Installation and Operation Guide: started with -q1h; Timeout.queuereturn=5d",
    },
    Schedule {
        system: "qmail",
        // 400 seconds times the square of the number of the try
        first: &[7, 27, 60, 107, 167, 240, 327, 427, 540, 667],
        then_every: 180,
        gives_up: 168,
        source: "qmail-send(8): queuelifetime 604800; retries at quadratically growing ages",
    },
    Schedule {
        system: "Exchange Server",
        first: &[5, 10, 15, 20, 25, 30],
        then_every: 10,
        gives_up: 48,
        source: "learn.microsoft.com/exchange/mail-flow/queues/message-intervals: 5 minutes six times, then 10; 2 days",
    },
    Schedule {
        system: "Exchange Online",
        first: &[15, 30],
        then_every: 60,
        gives_up: 24,
        source: "Microsoft 365 message centre, MC441064: 24 hours, which an organisation can lower to 12",
    },
    Schedule {
        system: "Mailgun",
        first: &[10, 25, 55, 115, 235, 475],
        then_every: 240,
        gives_up: 8,
        source: "help.mailgun.com, \"Will Mailgun retry my failed messages?\": 10, 15, 30 minutes, 1, 2, 4 hours",
    },
];

/// What becomes of mail that a server puts off for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survival {
    /// The quickest system and when its mail gets through.
    pub quickest: Option<(&'static str, Duration)>,
    /// The slowest system whose mail gets through, and when.
    pub slowest: Option<(&'static str, Duration)>,
    /// The systems that give up before.
    pub lost: Vec<&'static str>,
}

/// What becomes of mail that is put off for `delay`, by system.
pub fn survival(delay: Duration) -> Survival {
    let mut survival = Survival { quickest: None, slowest: None, lost: Vec::new() };
    for schedule in SCHEDULES {
        let Some(at) = schedule.first_retry_after(delay) else {
            survival.lost.push(schedule.system);
            continue;
        };
        if survival.quickest.is_none_or(|(_, quickest)| at < quickest) {
            survival.quickest = Some((schedule.system, at));
        }
        if survival.slowest.is_none_or(|(_, slowest)| at > slowest) {
            survival.slowest = Some((schedule.system, at));
        }
    }
    survival
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(minutes: u64) -> Survival {
        survival(Duration::from_secs(minutes * 60))
    }

    #[test]
    fn an_ordinary_delay_costs_an_hour_at_most() {
        let five = after(5);
        assert_eq!(five.lost, Vec::<&str>::new());
        assert_eq!(five.quickest, Some(("Postfix", Duration::from_secs(300))));
        assert_eq!(five.slowest, Some(("Sendmail", Duration::from_secs(3_600))));
    }

    #[test]
    fn a_long_delay_loses_the_impatient() {
        assert_eq!(after(8 * 60).lost, ["Mailgun"]);
        assert_eq!(after(25 * 60).lost, ["Exchange Online", "Mailgun"]);
        assert_eq!(after(8 * 24 * 60).lost.len(), SCHEDULES.len());
    }

    #[test]
    fn every_schedule_moves_on_and_names_its_source() {
        for schedule in SCHEDULES {
            assert!(schedule.then_every > 0 && !schedule.source.is_empty(), "{}", schedule.system);
            assert!(schedule.first.is_sorted(), "{}", schedule.system);
        }
    }
}
