//! Takes the message from the target. There is nobody to ask, so nothing is async.

use engine_plugin_api::Target;

use crate::facts::Facts;

/// The facts, or `None` when no message was given.
pub(crate) fn observe(target: &Target) -> Option<Facts> {
    let message = target.message.as_ref()?;
    Some(Facts { name: message.name.clone(), reports: bounce::decode(&message.bytes) })
}
