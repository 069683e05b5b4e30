//! Takes the reply from the target. There is nobody to ask, so nothing is async.

use engine_plugin_api::Target;
use smtp_reasons::Knowledge;

use crate::facts::Facts;

/// The facts, or `None` when no reply was given.
pub(crate) fn observe(target: &Target, knowledge: &'static Knowledge) -> Option<Facts> {
    let reply = target.reply.as_deref().filter(|reply| !reply.trim().is_empty())?;
    Some(Facts::read(reply, knowledge))
}
