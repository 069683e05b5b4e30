//! Who runs an exchange, by its name.

/// Names of exchanges and the service that runs them.
const PROVIDERS: &[(&str, &str)] = &[
    ("amazonaws.com", "Amazon SES or WorkMail"),
    ("antispamcloud.com", "SpamExperts"),
    ("antispameurope.com", "Hornetsecurity"),
    ("barracudanetworks.com", "Barracuda"),
    ("emailsrvr.com", "Rackspace Email"),
    ("forwardemail.net", "Forward Email"),
    ("google.com", "Google Workspace"),
    ("googlemail.com", "Google Workspace"),
    ("hornetsecurity.com", "Hornetsecurity"),
    ("improvmx.com", "ImprovMX"),
    ("ionos.com", "IONOS"),
    ("ionos.de", "IONOS"),
    ("iphmx.com", "Cisco Secure Email"),
    ("kundenserver.de", "IONOS"),
    ("mail.gandi.net", "Gandi"),
    ("mail.icloud.com", "iCloud Mail"),
    ("mail.ovh.net", "OVHcloud"),
    ("mail.protection.outlook.com", "Microsoft 365"),
    ("mailbox.org", "mailbox.org"),
    ("mailgun.org", "Mailgun"),
    ("messagelabs.com", "Symantec Email Security"),
    ("messagingengine.com", "Fastmail"),
    ("migadu.com", "Migadu"),
    ("mimecast.com", "Mimecast"),
    ("mx.cloudflare.net", "Cloudflare Email Routing"),
    ("mx.microsoft", "Microsoft 365"),
    ("mx.yandex.net", "Yandex 360"),
    ("pphosted.com", "Proofpoint"),
    ("ppe-hosted.com", "Proofpoint Essentials"),
    ("privateemail.com", "Namecheap Private Email"),
    ("protonmail.ch", "Proton Mail"),
    ("secureserver.net", "GoDaddy"),
    ("sendgrid.net", "SendGrid"),
    ("yahoodns.net", "Yahoo Mail"),
    ("your-server.de", "Hetzner"),
    ("zoho.com", "Zoho Mail"),
    ("zoho.eu", "Zoho Mail"),
];

/// The service that runs the exchange `name`, if it is a well-known one.
pub fn provider(name: &str) -> Option<&'static str> {
    PROVIDERS
        .iter()
        .find(|(suffix, _)| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        .map(|(_, service)| *service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_told_by_whole_labels() {
        assert_eq!(provider("alt1.aspmx.l.google.com"), Some("Google Workspace"));
        assert_eq!(provider("example-org.mail.protection.outlook.com"), Some("Microsoft 365"));
        assert_eq!(provider("mx.notgoogle.com"), None);
        assert_eq!(provider("google.com.example"), None);
    }
}
