//! check-spf
