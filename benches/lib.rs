//! Benches live here; see `Cargo.toml` for their names.
