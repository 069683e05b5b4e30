//! Whether one mechanism matches everything that another does.

use mail_syntax::spf::{MacroString, Mechanism, fixed_name};

/// A mechanism of a domain's record with the name that it asks about.
pub struct Cover<'m> {
    mechanism: &'m Mechanism,
    name: String,
}

impl<'m> Cover<'m> {
    /// A mechanism in the record of `domain`, itself the sender's.
    pub fn of(domain: &str, mechanism: &'m Mechanism) -> Self {
        let written = |target: &MacroString| fixed_name(target, domain, domain).unwrap_or_else(|| target.to_string());
        Cover { mechanism, name: mechanism.target().map_or_else(|| domain.to_ascii_lowercase(), written) }
    }

    /// Whether it matches whatever `other` matches, whatever the DNS says.
    pub fn covers(&self, other: &Self) -> bool {
        let same = self.name == other.name;
        match (self.mechanism, other.mechanism) {
            (Mechanism::Ip(wide), Mechanism::Ip(network)) => wide.covers(network),
            (Mechanism::A(_, wide), Mechanism::A(_, cidr)) | (Mechanism::Mx(_, wide), Mechanism::Mx(_, cidr)) => {
                same && wide.v4 <= cidr.v4 && wide.v6 <= cidr.v6
            }
            (Mechanism::Ptr(_), Mechanism::Ptr(_)) => {
                other.name.strip_suffix(&self.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Mechanism::Include(_), Mechanism::Include(_)) | (Mechanism::Exists(_), Mechanism::Exists(_)) => same,
            (Mechanism::All, Mechanism::All) => true,
            _ => false,
        }
    }
}
