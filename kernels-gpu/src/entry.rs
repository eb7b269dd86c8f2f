//! What a GPU launches.
