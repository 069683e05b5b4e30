//! engine-lab
