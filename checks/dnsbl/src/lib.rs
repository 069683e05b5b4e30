//! `dnsbl`: whether an address or a domain is on a blocklist, how far the list
//! can be believed, and how one gets off it (RFC 5782).

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, Target};

pub mod catalogue;
pub mod facts;
pub mod gate;
mod judge;
mod observe;
pub mod pattern;
pub mod reading;
pub mod settings;
#[cfg(test)]
mod testing;

pub use judge::judge;
pub use settings::{Config, Plan};

engine_plugin_api::findings! {
    ALLOW_LISTED = "dnsbl-allow-listed",
    BACKSCATTER_LISTED = "dnsbl-backscatter-listed",
    CLEAN = "dnsbl-clean",
    DEAD_LIST = "dnsbl-dead-list",
    DOMAIN_LISTED = "dnsbl-domain-listed",
    LISTED = "dnsbl-listed",
    NEIGHBOURHOOD_LISTED = "dnsbl-neighbourhood-listed",
    NEW_DOMAIN = "dnsbl-new-domain",
    NO_IPV6 = "dnsbl-no-ipv6",
    POLICY_LISTED = "dnsbl-policy-listed",
    POOR_REPUTATION = "dnsbl-poor-reputation",
}

/// The check.
pub struct Dnsbl {
    plan: Plan,
}

impl Check for Dnsbl {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "dnsbl",
            env!("CARGO_PKG_VERSION"),
            "is an address or the domain on a blocklist, and how does it get off?",
        )
        .category(Category::Reputation)
        .needs_any(&[&[Input::Domain], &[Input::Ip], &[Input::Sender]])
        .discloses_to("the operators of DNS blocklists")
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        let catalogue = catalogue::Catalogue::embedded().map_err(|error| ConfigError::at("", error))?;
        Ok(Dnsbl { plan: Plan::new(&config, catalogue)? })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let facts = observe::observe(&cx, &target, &self.plan).await;
        let judgement = judge(&facts, &self.plan);
        if judgement.findings.is_empty() && judgement.unknowns.is_empty() {
            return Outcome::NotApplicable { why: nothing_to_do(&facts, &self.plan) };
        }
        cx.conclude(judgement)
    }
}

/// Why no list said anything, as a fragment that fits after "not applicable:".
fn nothing_to_do(facts: &facts::Facts, plan: &Plan) -> String {
    if plan.lists.is_empty() {
        "the settings leave no list to ask".to_owned()
    } else if let [ip, ..] = facts.not_public.as_slice() {
        format!("{ip} is no public address, and no list holds such")
    } else if facts.null_mx {
        format!("{} accepts no mail (null MX), and the settings leave no list of domains to ask", facts.target)
    } else {
        "the target has nothing that the chosen lists hold".to_owned()
    }
}
