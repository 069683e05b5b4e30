//! engine-tests
