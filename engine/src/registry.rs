//! The checks that there are.

use std::{collections::BTreeMap, sync::Arc};

use engine_plugin_api::{Check, ConfigError, FindingSpec, Manifest, SideEffect};
use serde_json::Value;

use crate::schedule::{Instance, Linked};

/// Why a check was not taken into the registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two checks have one id.
    #[error("two checks are called `{id}`: {first} and {second}")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where the check that was there first comes from.
        first: String,
        /// Where the other comes from.
        second: String,
    },
    /// Two checks have one finding code.
    #[error("the finding `{code}` is declared by `{first}` and by `{second}`")]
    DuplicateCode {
        /// The code.
        code: String,
        /// The check that was there first.
        first: String,
        /// The other check, possibly the same.
        second: String,
    },
    /// A manifest breaks the rules.
    #[error("check `{id}` from {origin}: {problem}")]
    BadManifest {
        /// The id.
        id: String,
        /// Where it comes from.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

type Factory = Box<dyn Fn(Value) -> Result<Arc<dyn Instance>, ConfigError> + Send + Sync>;

/// A check that can be run.
pub struct Registered {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where it comes from, for example `built in`.
    pub origin: String,
    factory: Factory,
}

impl Registered {
    /// Makes an instance with `settings`, the JSON form of its `[checks.<id>]`.
    ///
    /// # Errors
    /// When the settings do not fit.
    pub fn instance(&self, settings: Value) -> Result<Arc<dyn Instance>, ConfigError> {
        (self.factory)(settings)
    }
}

/// All checks, by id.
#[derive(Default)]
pub struct Registry {
    checks: BTreeMap<String, Registered>,
    codes: BTreeMap<String, String>,
}

impl Registry {
    /// Adds check `C`; `origin` is for messages.
    ///
    /// # Errors
    /// When its id or one of its codes is taken, or its manifest breaks the rules.
    pub fn add<C: Check>(&mut self, origin: &str) -> Result<(), RegistryError> {
        let factory: Factory = Box::new(|settings| {
            let config: C::Config = match settings {
                Value::Null => C::Config::default(),
                settings => serde_json::from_value(settings).map_err(|error| ConfigError::at("", error.to_string()))?,
            };
            Ok(Arc::new(Linked(Arc::new(C::new(config)?))) as Arc<dyn Instance>)
        });
        self.insert(Registered { manifest: C::manifest(), origin: origin.to_owned(), factory })
    }

    /// Adds a check that `make` makes, as a plugin's are; `origin` is for messages.
    ///
    /// # Errors
    /// As [`Registry::add`].
    pub fn add_made(
        &mut self,
        manifest: Manifest,
        origin: &str,
        make: impl Fn(Value) -> Result<Arc<dyn Instance>, ConfigError> + Send + Sync + 'static,
    ) -> Result<(), RegistryError> {
        self.insert(Registered { manifest, origin: origin.to_owned(), factory: Box::new(make) })
    }

    fn insert(&mut self, check: Registered) -> Result<(), RegistryError> {
        let Manifest { id, findings, faults, services, side_effect, .. } = &check.manifest;
        let id = id.clone();
        if let Some(first) = self.checks.get(&id) {
            return Err(RegistryError::DuplicateId { id, first: first.origin.clone(), second: check.origin });
        }
        let bad =
            |problem: String| RegistryError::BadManifest { id: id.clone(), origin: check.origin.clone(), problem };
        if !id.split('.').all(is_kebab) {
            return Err(bad("its id is not lower-case words joined by `-`, with `vendor.` before it".into()));
        }
        if let Some(service) = services.iter().find(|service| effect_of(service) > *side_effect) {
            let (said, is) = (side_effect.word(), effect_of(service).word());
            return Err(bad(format!(
                "it says that it does no more than `{said}`, but the service {service} is `{is}`"
            )));
        }
        if let Some(fault) = faults.first() {
            return Err(bad(fault.clone()));
        }
        for FindingSpec { code, .. } in findings {
            if !is_kebab(code) {
                return Err(bad(format!("the code `{code}` is not lower-case words joined by `-`")));
            }
            let public = public_code(&id, code);
            if let Some(first) = self.codes.insert(public.clone(), id.clone()) {
                return Err(RegistryError::DuplicateCode { code: public, first, second: id });
            }
        }
        self.checks.insert(id, check);
        Ok(())
    }

    /// The check that `id` names.
    pub fn check(&self, id: &str) -> Option<&Registered> {
        self.checks.get(id)
    }

    /// All checks in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.checks.values()
    }

    /// All ids in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.checks.keys().map(String::as_str)
    }

    /// The finding that a public code names, with its check's id.
    pub fn finding(&self, public: &str) -> Option<(&str, &FindingSpec)> {
        let id = self.codes.get(public)?;
        let code = public.rsplit('/').next()?;
        let spec = self.checks.get(id)?.manifest.finding(code)?;
        Some((id, spec))
    }

    /// All public codes in order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.keys().map(String::as_str)
    }
}

/// The code under which a finding is reported: bare for built-in checks,
/// `vendor.name/code` for others.
pub fn public_code(check: &str, code: &str) -> String {
    if check.contains('.') { format!("{check}/{code}") } else { code.to_owned() }
}

/// The least that a check does to others by calling a service.
fn effect_of(service: &str) -> SideEffect {
    match service.split('.').next() {
        Some("dns") => SideEffect::PassiveDns,
        Some("clock" | "random" | "service" | "context") => SideEffect::None,
        // Whatever else there will be reaches out.
        _ => SideEffect::Connects,
    }
}

/// Whether `word` is lower-case words and numbers joined by `-`, as ids and codes are.
pub fn is_kebab(word: &str) -> bool {
    !word.is_empty()
        && word
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use engine_plugin_api::{Context, Outcome, Target};

    use super::*;

    macro_rules! check {
        ($name:ident, $id:literal, $pages:expr) => {
            struct $name;
            impl Check for $name {
                type Config = ();
                fn manifest() -> Manifest {
                    Manifest::new::<Self>($id, "0.1.0", "tests").pages($pages)
                }
                fn new(_: ()) -> Result<Self, ConfigError> {
                    Ok($name)
                }
                async fn run(&self, _: Context, _: Target) -> Outcome {
                    Outcome::Clean
                }
            }
        };
    }

    const PAGE: &str = "---\ncode: a-b\nsince: 0.1.0\nseverity: error\nconfidence: high\nsource: none\n---\n# T\n";
    check!(First, "mx", &[("a-b", PAGE)]);
    check!(Second, "mx", &[]);
    check!(SameCode, "spf", &[("a-b", PAGE)]);
    check!(Vendor, "acme.mx", &[("a-b", PAGE)]);
    check!(BadId, "Mx", &[]);
    check!(BadPage, "other", &[("x", PAGE)]);

    #[test]
    fn a_second_check_of_the_same_id_is_an_error_that_names_both() {
        let mut registry = Registry::default();
        registry.add::<First>("built in").unwrap();
        let error = registry.add::<Second>("/lib/b.so").unwrap_err().to_string();
        assert!(error.contains("built in") && error.contains("/lib/b.so"), "{error}");
    }

    #[test]
    fn codes_are_unique_and_a_vendor_has_its_own() {
        let mut registry = Registry::default();
        registry.add::<First>("built in").unwrap();
        assert!(matches!(registry.add::<SameCode>("built in"), Err(RegistryError::DuplicateCode { .. })));
        registry.add::<Vendor>("acme").unwrap();
        assert_eq!(registry.codes().collect::<Vec<_>>(), ["a-b", "acme.mx/a-b"]);
        assert_eq!(registry.finding("acme.mx/a-b").unwrap().0, "acme.mx");
    }

    struct Understates;
    impl Check for Understates {
        type Config = ();
        fn manifest() -> Manifest {
            Manifest::new::<Self>("acme.quiet", "0.1.0", "tests").services(&["smtp.session/1"])
        }
        fn new(_: ()) -> Result<Self, ConfigError> {
            Ok(Understates)
        }
        async fn run(&self, _: Context, _: Target) -> Outcome {
            Outcome::Clean
        }
    }

    #[test]
    fn a_manifest_that_understates_what_it_does_is_refused() {
        let error = Registry::default().add::<Understates>("x").unwrap_err().to_string();
        assert!(error.contains("passive-dns") && error.contains("connects"), "{error}");
    }

    #[test]
    fn a_manifest_that_breaks_the_rules_is_refused() {
        let mut registry = Registry::default();
        assert!(matches!(registry.add::<BadId>("x"), Err(RegistryError::BadManifest { .. })));
        assert!(matches!(registry.add::<BadPage>("x"), Err(RegistryError::BadManifest { .. })));
    }
}
