//! From a stated cause to proof: which live checks prove or refute what a
//! bounce, a reply or a symptom says, and what their reports make of it.
//!
//! Everything here is data in, data out: [`stated()`] reads what was given,
//! [`Proofs::plan`] says what to run, [`weigh`] reads the reports. Running the
//! checks is the caller's.

mod evaluation;
mod proofs;
mod result;
mod stated;
mod weigh;

pub use proofs::{Missing, Of, Proofs, Step, Symptom};
pub use result::{Diagnosis, FORMAT, Measured, Named, Result, Verdict};
pub use stated::{Given, Stated, Subjects, stated, stated_of_bounce, stated_of_reply};
pub use weigh::{conclude, weigh};
