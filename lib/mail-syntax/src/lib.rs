//! mail-syntax
