//! check-greylist
