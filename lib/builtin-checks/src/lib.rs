//! The list of the engine's own checks: one line a folder of `checks/`, kept
//! by `cargo xtask generate`, and held against the folders by a test.

use engine_core::registry::{Registry, RegistryError};

/// A registry that holds every check of this project.
///
/// # Errors
/// When two of them have one id or code, or a page cannot be read; a test
/// keeps that from happening.
pub fn registry() -> Result<Registry, RegistryError> {
    let mut registry = Registry::default();
    let origin = "built in";
    registry.add::<check_bimi::Bimi>(origin)?;
    registry.add::<check_bounce::Bounce>(origin)?;
    registry.add::<check_caa::Caa>(origin)?;
    registry.add::<check_dane::Dane>(origin)?;
    registry.add::<check_dkim::Dkim>(origin)?;
    registry.add::<check_dmarc::Dmarc>(origin)?;
    registry.add::<check_dnsbl::Dnsbl>(origin)?;
    registry.add::<check_greylist::Greylist>(origin)?;
    registry.add::<check_mta_sts::MtaSts>(origin)?;
    registry.add::<check_mx::Mx>(origin)?;
    registry.add::<check_reverse_dns::ReverseDns>(origin)?;
    registry.add::<check_smtp::Smtp>(origin)?;
    registry.add::<check_smtp_codes::SmtpCodes>(origin)?;
    registry.add::<check_spf::Spf>(origin)?;
    registry.add::<check_tls_rpt::TlsRpt>(origin)?;
    registry.add::<check_vantage::Vantage>(origin)?;
    Ok(registry)
}
