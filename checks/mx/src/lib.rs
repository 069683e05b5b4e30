//! check-mx
