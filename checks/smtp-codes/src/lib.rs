//! check-smtp-codes
