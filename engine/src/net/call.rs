//! What a check calls, and the request to the network that it becomes.

use std::sync::Arc;

use engine_plugin_api::{
    ServiceError, ServiceErrorKind,
    services::{
        CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, HTTP_GET, HttpRequest, MailExchanger, SMTP_LOOK, SMTP_SESSION,
        SMTP_SURVEY, Sleep, SmtpRequest,
    },
};
use serde::{Deserialize, Deserializer};

use super::{Request, recorder::evidence_id};
use crate::recording::Journal;

/// One service call of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// One that says what is asked of the network.
    Plain(Request),
    /// `smtp.look/1`.
    Look(MailExchanger),
    /// `smtp.survey/1`.
    Survey(MailExchanger),
}

impl Call {
    /// Reads a call by name.
    ///
    /// # Errors
    /// When there is no such service, or `head` is no request of it.
    pub fn read<'de, D>(method: &str, head: D) -> Result<Call, ServiceError>
    where
        D: Deserializer<'de>,
        D::Error: std::fmt::Display,
    {
        let plain = Call::Plain;
        let read = match method {
            DNS_LOOKUP => DnsQuestion::deserialize(head).map(Request::Dns).map(plain),
            SMTP_LOOK => MailExchanger::deserialize(head).map(Call::Look),
            SMTP_SURVEY => MailExchanger::deserialize(head).map(Call::Survey),
            SMTP_SESSION => SmtpRequest::deserialize(head).map(Request::Smtp).map(plain),
            HTTP_GET => HttpRequest::deserialize(head).map(Request::Http).map(plain),
            CLOCK_SLEEP => {
                Sleep::deserialize(head).map(|sleep| plain(Request::Sleep(std::time::Duration::from_millis(sleep.ms))))
            }
            _ => {
                let why = format!("this engine has no service {method}");
                return Err(ServiceError::new(ServiceErrorKind::Unsupported, why));
            }
        };
        read.map_err(|error| ServiceError::new(ServiceErrorKind::BadRequest, format!("{method}: {error}")))
    }

    /// The name of the service.
    pub fn method(&self) -> &'static str {
        match self {
            Call::Plain(Request::Dns(_)) => DNS_LOOKUP,
            Call::Plain(Request::Smtp(_)) => SMTP_SESSION,
            Call::Plain(Request::Http(_)) => HTTP_GET,
            Call::Plain(Request::Sleep(_)) => CLOCK_SLEEP,
            Call::Look(_) => SMTP_LOOK,
            Call::Survey(_) => SMTP_SURVEY,
        }
    }
}

/// Which session answers a look of one check: always the same one in a run, so
/// that an exchanger sees one session and the evidence does not depend on who
/// asked first.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// A check of the run's plan surveys exchangers.
    pub surveyed: bool,
    /// In a replay: what was recorded, and the check that asks. The recorded run
    /// may have had other checks.
    pub recorded: Option<(Arc<Journal>, String)>,
}

impl Looks {
    /// The request that `call` becomes.
    pub fn request(&self, call: Call) -> Request {
        match call {
            Call::Plain(request) => request.normal(),
            Call::Survey(exchanger) => Request::Smtp(exchanger.survey()),
            Call::Look(exchanger) => {
                let (look, survey) = (Request::Smtp(exchanger.look()), Request::Smtp(exchanger.survey()));
                let (ours, other) = if self.surveyed { (survey, look) } else { (look, survey) };
                if !self.holds(&ours) && self.holds(&other) { other } else { ours }
            }
        }
    }

    fn holds(&self, request: &Request) -> bool {
        self.recorded.as_ref().is_some_and(|(journal, check)| journal.knows(check, &evidence_id(request)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use engine_plugin_api::{EvidenceId, services::SmtpReply};

    use super::*;
    use crate::{
        net::{Answer, Observation},
        recording::{Exchange, Refusal},
    };

    fn exchanger() -> MailExchanger {
        MailExchanger::new("mx.a.example", "25.25.0.1".parse().unwrap(), "a.example")
    }

    fn recorded(session: SmtpRequest) -> Journal {
        let mut journal = Journal::default();
        let reply =
            SmtpReply::not_held(&session, engine_plugin_api::Cause::new(engine_plugin_api::CauseKind::Other, ""));
        let observation = Observation { answer: Answer::Smtp(Box::new(reply)), at_ms: 0, took_us: 0 };
        let request = Request::Smtp(session);
        journal.exchanges.insert(evidence_id(&request), Exchange { request, observation });
        journal
    }

    fn refused(session: SmtpRequest) -> Journal {
        let call: EvidenceId = evidence_id(&Request::Smtp(session));
        let error = ServiceError::new(ServiceErrorKind::Denied, "not public");
        Journal { refusals: vec![Refusal { check: "dane".to_owned(), call, error }], ..Journal::default() }
    }

    #[test]
    fn a_look_is_the_survey_where_one_is_held_and_in_a_replay_what_was_recorded() {
        let (look, survey) = (exchanger().look(), exchanger().survey());
        let asked = |surveyed, journal: Option<Journal>| {
            let recorded = journal.map(|journal| (Arc::new(journal), "dane".to_owned()));
            match (Looks { surveyed, recorded }).request(Call::Look(exchanger())) {
                Request::Smtp(session) => session,
                other => panic!("{other:?}"),
            }
        };
        for (surveyed, journal, expected) in [
            (false, None, &look),
            (true, None, &survey),
            (false, Some(Journal::default()), &look),
            (true, Some(Journal::default()), &survey),
            // The run had other checks than its replay.
            (false, Some(recorded(survey.clone())), &survey),
            (true, Some(recorded(look.clone())), &look),
            (false, Some(refused(survey.clone())), &survey),
            (false, Some(recorded(look.clone())), &look),
        ] {
            assert_eq!(asked(surveyed, journal), *expected, "{surveyed}");
        }
        let both = Journal { refusals: refused(survey.clone()).refusals, ..recorded(look.clone()) };
        assert_eq!(asked(false, Some(both.clone())), look);
        assert_eq!(asked(true, Some(both)), survey);
    }
}
