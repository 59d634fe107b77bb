//! Makes cargo look at the built page again when it changes. It never runs npm.
//!
//! In a development build the page is read from the disk while the server runs, so nothing is
//! watched there; a build for use embeds it and warns when there is none.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_for_use = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let has_page = Path::new("ui/dist/index.html").try_exists().unwrap_or(false);
    if is_for_use {
        // A path that does not exist counts as changed, which is what is wanted: look again.
        println!("cargo::rerun-if-changed=ui/dist");
    }
    if is_for_use && !has_page {
        println!("cargo::warning=crates/api/ui/dist is missing, so the binary shows a placeholder");
    }
}
