//! Runs the checks of a plan, all at once, and keeps them apart: what one
//! check does to itself takes nothing from the others.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine_plugin_api::{
    BoxFuture, Cause, CauseKind, Context, DynCheck, Emission, Finding, Manifest, Outcome, Reply, ServiceError,
    ServiceErrorKind, Services, Stance, Target, Unknown,
    services::{DnsQuestion, DnsReply, HttpReply, HttpRequest, MailExchanger, SmtpReply, SmtpRequest},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    deadline::Clock,
    net::{
        Answer, Layer, Request,
        call::{Call, Looks},
    },
    recording::Cut,
};

/// Findings and unknowns that one check may send in a run; the rest is dropped and said so.
pub const EMISSIONS: usize = 1_000;

/// How long a replay waits for a check that was cut off to send what it had sent.
const REPLAYED_CUT: Duration = Duration::from_secs(10);

/// A check with its settings, ready to be run. Built-in checks are [`Linked`];
/// those of plugins are in [`crate::plugin`].
pub trait Instance: Send + Sync {
    /// Runs it over `desk`. An error says that it came to no end of its own,
    /// which a replay repeats as it was recorded.
    fn run(
        &self,
        desk: Arc<Desk>,
        target: Target,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Outcome, Cause>>;

    /// How long it may take to end after `stop` has turned true. One that
    /// needs no time is dropped.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }
}

/// A check that is linked into this program.
pub struct Linked(pub Arc<dyn DynCheck>);

impl Instance for Linked {
    fn run(&self, desk: Arc<Desk>, target: Target, _: watch::Receiver<bool>) -> BoxFuture<'_, Result<Outcome, Cause>> {
        Box::pin(async move { Ok(self.0.run_dyn(Context::new(desk), target).await) })
    }
}

/// One check to run.
pub struct Job {
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
    /// The check.
    pub check: Arc<dyn Instance>,
    /// Its services.
    pub layer: Arc<dyn Layer>,
    /// What stands still while it waits, as the services see to.
    pub clock: Arc<Clock>,
    /// Which session answers its looks at exchangers.
    pub looks: Looks,
    /// In a replay of a check that was cut off: how.
    pub replayed_cut: Option<Cut>,
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRun {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it could not tell.
    pub unknowns: Vec<Unknown>,
    /// What it says of senders that hold to a policy.
    pub stances: Vec<Stance>,
    /// What it did against its own manifest or the host's rules.
    pub violations: Vec<String>,
    /// Set when the host cut it off.
    pub cut: Option<Cut>,
}

/// What goes on in a run, for the waiting user.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A check has begun.
    Started {
        /// Its id.
        check: String,
    },
    /// A check has something to say.
    Progress {
        /// Its id.
        check: String,
        /// Its words.
        text: String,
    },
    /// A check has ended.
    Finished {
        /// Its id.
        check: String,
    },
}

/// Takes the events of a run; called from any task, must not block.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs `jobs` on `target`, each for at most `deadline`; what a check waits
/// through `clock.sleep/1` is not counted. When `interrupt` turns true, those that still run are cut off.
pub async fn run(
    jobs: Vec<Job>,
    target: &Target,
    deadline: Duration,
    interrupt: watch::Receiver<bool>,
    listener: Listener,
) -> Vec<CheckRun> {
    let runs =
        jobs.into_iter().map(|job| run_one(job, target.clone(), deadline, interrupt.clone(), Arc::clone(&listener)));
    futures_util::future::join_all(runs).await
}

async fn run_one(
    job: Job,
    target: Target,
    deadline: Duration,
    mut interrupt: watch::Receiver<bool>,
    listener: Listener,
) -> CheckRun {
    let id = job.manifest.id.clone();
    listener(Event::Started { check: id.clone() });
    let (sent, mut arrived) = watch::channel(0);
    let desk = Arc::new(Desk {
        manifest: Arc::clone(&job.manifest),
        layer: job.layer,
        looks: job.looks,
        sent,
        tray: Mutex::default(),
        listener: Arc::clone(&listener),
    });
    let (stop, stopped) = watch::channel(false);
    let grace = job.check.grace();
    let (check, own) = (job.check, Arc::clone(&desk));
    let mut task = tokio::spawn(async move { check.run(own, target, stopped).await });
    let abort = task.abort_handle();

    let recorded = job.replayed_cut;
    let overdue = async {
        match &recorded {
            // In a replay a cut comes when it came: after the last that the check had sent.
            Some(cut) => {
                let sent_again = arrived.wait_for(|sent| *sent >= cut.emissions);
                // A check that has changed since may never send as much.
                let _ = tokio::time::timeout(REPLAYED_CUT, sent_again).await;
            }
            None => job.clock.past(deadline).await,
        }
    };
    let interrupted = async {
        if interrupt.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        biased;
        ended = &mut task => Ok(ended),
        () = interrupted => Err(Cause::new(CauseKind::Interrupted, "the run was interrupted")),
        () = overdue => Err(Cause::new(CauseKind::Deadline, format!("the check was not done after {} s", deadline.as_secs_f64()))),
    };
    if ended.is_err() && !grace.is_zero() {
        stop.send_replace(true);
        // What it still says meanwhile is taken; how it ends has been decided.
        let _ = tokio::time::timeout(grace, &mut task).await;
    }
    abort.abort();
    let mut tray = std::mem::take(&mut *desk.tray.lock().unwrap_or_else(PoisonError::into_inner));
    let (outcome, cut) = match (ended, recorded) {
        (_, Some(cut)) => {
            tray.emissions.truncate(cut.emissions);
            tray.violations.clone_from(&cut.violations);
            (Outcome::CouldNotTell { cause: cut.cause.clone() }, Some(cut))
        }
        (Err(cause) | Ok(Ok(Err(cause))), None) => {
            let cut =
                Cut { cause: cause.clone(), emissions: tray.emissions.len(), violations: tray.violations.clone() };
            (Outcome::CouldNotTell { cause }, Some(cut))
        }
        (Ok(Ok(Ok(outcome))), None) => (told(outcome, &id, &mut tray), None),
        (Ok(Err(error)), None) => {
            let words = if error.is_panic() { panic_words(&*error.into_panic()) } else { "it was stopped".to_owned() };
            (
                Outcome::CouldNotTell {
                    cause: Cause::new(CauseKind::CheckFailed, format!("the check failed: {words}")),
                },
                None,
            )
        }
    };
    let mut run = CheckRun {
        id: id.clone(),
        version: job.manifest.version.clone(),
        outcome,
        findings: Vec::new(),
        unknowns: Vec::new(),
        stances: Vec::new(),
        violations: tray.violations,
        cut,
    };
    for emission in tray.emissions {
        match emission {
            Emission::Finding(finding) => run.findings.push(finding),
            Emission::Unknown(unknown) => run.unknowns.push(unknown),
            Emission::Stance(stance) => run.stances.push(stance),
            Emission::Progress { .. } => {}
        }
    }
    listener(Event::Finished { check: id });
    run
}

/// What a check said of its end, held against what it has sent: "no fault" is
/// not believed of one that sent a fault, nor a fault that nobody has seen.
fn told(outcome: Outcome, id: &str, tray: &mut Tray) -> Outcome {
    let found = tray.emissions.iter().any(|emission| matches!(emission, Emission::Finding(_)));
    let unknown = tray.emissions.iter().find_map(|emission| match emission {
        Emission::Unknown(unknown) => Some(unknown.cause.clone()),
        _ => None,
    });
    let (said, is) = match (outcome, found, unknown) {
        (Outcome::Findings, false, _) => {
            let why = "it said that it found something, and sent nothing that it found";
            let cause = Cause::new(CauseKind::CheckFailed, why);
            ("has findings", Outcome::CouldNotTell { cause })
        }
        (Outcome::Clean, true, _) => ("is clean", Outcome::Findings),
        (Outcome::NotApplicable { .. }, true, _) => ("is not applicable", Outcome::Findings),
        (Outcome::Clean, false, Some(cause)) => ("is clean", Outcome::CouldNotTell { cause }),
        (outcome, ..) => return outcome,
    };
    let words = if found { "sent findings" } else { "sent no finding" };
    tray.violations.push(format!("`{id}` said that it {said}, and {words}"));
    is
}

fn panic_words(payload: &(dyn std::any::Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked without words".to_owned())
}

/// What a check has handed in.
#[derive(Default)]
struct Tray {
    emissions: Vec<Emission>,
    violations: Vec<String>,
}

/// The services of one check: holds it to its manifest, takes what it sends.
pub struct Desk {
    manifest: Arc<Manifest>,
    layer: Arc<dyn Layer>,
    looks: Looks,
    sent: watch::Sender<usize>,
    tray: Mutex<Tray>,
    listener: Listener,
}

impl Desk {
    /// Carries out a call of the check, if its manifest names the service.
    pub(crate) async fn exchange(&self, call: Call) -> Result<Answer, ServiceError> {
        let method = call.method();
        if !self.manifest.services.iter().any(|service| service == method) {
            let why = format!("the manifest of `{}` does not name the service {method}", self.manifest.id);
            self.violation(why.clone());
            return Err(ServiceError::new(ServiceErrorKind::Denied, why));
        }
        let request = self.looks.request(call);
        Ok(self.layer.exchange(request).await?.answer)
    }

    async fn smtp_reply(&self, call: Call) -> Result<SmtpReply, ServiceError> {
        match self.exchange(call).await? {
            Answer::Smtp(reply) => Ok(*reply),
            _ => wrong_kind(),
        }
    }

    /// Keeps something that the check did against its manifest or the host's rules.
    pub(crate) fn violation(&self, what: String) {
        let mut tray = self.tray.lock().unwrap_or_else(PoisonError::into_inner);
        if tray.violations.len() < EMISSIONS && !tray.violations.contains(&what) {
            tray.violations.push(what);
        }
    }

    /// Takes what the check sends; whether it was taken.
    pub(crate) fn take(&self, emission: Emission) -> bool {
        if let Emission::Progress { text } = emission {
            (self.listener)(Event::Progress { check: self.manifest.id.clone(), text });
            return true;
        }
        if let Emission::Finding(finding) = &emission
            && self.manifest.finding(&finding.code).is_none()
        {
            self.violation(format!(
                "`{}` sent the finding `{}`, which its manifest does not declare",
                self.manifest.id, finding.code
            ));
            return false;
        }
        let mut tray = self.tray.lock().unwrap_or_else(PoisonError::into_inner);
        if tray.emissions.len() < EMISSIONS {
            tray.emissions.push(emission);
            self.sent.send_replace(tray.emissions.len());
            return true;
        }
        drop(tray);
        self.violation(format!("`{}` sent more than {EMISSIONS} findings; the rest is left out", self.manifest.id));
        false
    }

    /// The check's id.
    pub(crate) fn check(&self) -> &str {
        &self.manifest.id
    }
}

fn wrong_kind<T>() -> Result<T, ServiceError> {
    Err(ServiceError::new(ServiceErrorKind::Internal, "a call was answered by another service"))
}

impl Services for Desk {
    fn call(&self, method: String, head: Value, _body: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>> {
        Box::pin(async move {
            let answer = self.exchange(Call::read(&method, head)?).await?;
            let head = serde_json::to_value(answer.head())
                .map_err(|error| ServiceError::new(ServiceErrorKind::Internal, format!("{method}: {error}")))?;
            Ok(Reply { head, body: Vec::new() })
        })
    }

    fn emit(&self, emission: Emission) {
        self.take(emission);
    }

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        Box::pin(async move {
            match self.exchange(Call::Plain(Request::Dns(question))).await? {
                Answer::Dns(reply) => Ok(reply),
                _ => wrong_kind(),
            }
        })
    }

    fn smtp(&self, request: SmtpRequest) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(self.smtp_reply(Call::Plain(Request::Smtp(request))))
    }

    fn look(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(self.smtp_reply(Call::Look(exchanger)))
    }

    fn survey(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(self.smtp_reply(Call::Survey(exchanger)))
    }

    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(async move {
            match self.exchange(Call::Plain(Request::Http(request))).await? {
                Answer::Http(reply) => Ok(*reply),
                _ => wrong_kind(),
            }
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async move { self.exchange(Call::Plain(Request::Sleep(duration))).await.map(|_| ()) })
    }
}
