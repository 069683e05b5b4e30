//! An embedded mail world on loopback: DNS, SMTP and HTTPS servers from one readable
//! scenario file, with nothing installed, no privileges and no network.
//!
//! A [`World`] says which names, servers and faults exist; [`Lab::start`] makes
//! them answer on loopback ports that the system chooses. The names and
//! addresses of a world look public: [`Lab::routes`] tells a client which
//! loopback socket stands for which presented address. A [`Scenario`] is a
//! world together with what a check must find in it.
//!
//! The world language is described in this crate's `README.md`.

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod accept;
mod certs;
mod dns;
mod hostile;
mod lab;
mod lists;
mod log;
mod names;
mod scenario;
mod script;
mod smtp;
mod web;
mod world;
mod zone;

pub use hostile::{Act, Then};
pub use lab::{Lab, LabError, LabOptions};
pub use log::{Question, Session, Transport, WebRequest};
pub use scenario::{Kind, Scenario, ScenarioTarget};
pub use web::{HttpServer, Page, WebStage};
pub use world::{
    Behaviour, Blocklist, CertificateKind, Dnssec, DnssecStatus, Domain, ExtendedError, Fault, FaultAnswer, Greylist,
    ListKind, NameServer, OneOrMany, SmtpServer, Stage, World, WorldError,
};
