//! The lowest layer of a live run: it asks the network and looks at the clock.

use std::{sync::Arc, time::Instant};

use engine_plugin_api::{BoxFuture, ServiceError};

use super::{
    Answer, Layer, NetOptions, Observation, Request, dns::DnsClient, http::HttpClient, now_ms, smtp::SmtpClient,
    tls::Tls,
};

/// Asks the network.
pub struct Sockets {
    dns: DnsClient,
    smtp: SmtpClient,
    http: HttpClient,
}

impl Sockets {
    /// Opens nothing yet.
    pub fn new(options: &NetOptions) -> Self {
        let tls = Arc::new(Tls::new(&options.extra_roots));
        Sockets {
            dns: DnsClient::new(options),
            smtp: SmtpClient::over(options, Arc::clone(&tls)),
            http: HttpClient::new(options, tls),
        }
    }
}

impl Layer for Sockets {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        Box::pin(async move {
            let at_ms = now_ms();
            let begun = Instant::now();
            let answer = match &request {
                Request::Dns(question) => Answer::Dns(self.dns.lookup(question).await),
                Request::Smtp(session) => Answer::Smtp(Box::new(self.smtp.session(session).await)),
                Request::Http(request) => Answer::Http(Box::new(self.http.get(request).await)),
                Request::Sleep(duration) => {
                    tokio::time::sleep(*duration).await;
                    Answer::Slept
                }
            };
            let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            Ok(Observation { answer, at_ms, took_us })
        })
    }
}
