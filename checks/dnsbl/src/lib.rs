//! check-dnsbl
