//! What whole-house tests share: where things are, and how a missing peer or data set is reported.
//!
//! A test whose peer or data is absent says so and passes, unless `FOREWARN_REQUIRE` demands it.
#![expect(clippy::panic, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of recorded data and peers: `$FOREWARN_SHARED`, else beside the checkout.
#[must_use]
pub fn shared() -> PathBuf {
    std::env::var_os("FOREWARN_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// Reports that a test was left out.
///
/// # Panics
///
/// When `FOREWARN_REQUIRE` names `kind`, because then nothing may be left out silently.
pub fn skipped(test: &str, kind: &str, needs: &str) {
    let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
    if required.split(',').any(|it| it == kind) {
        panic!("{test} needs {needs}, and FOREWARN_REQUIRE={required}");
    }
    println!("SKIPPED {test}: needs {needs}");
}

/// Finds a program on the path, in the Python environment of the checkout, or in `/usr/sbin`.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let local = [root().join(".venv/bin"), PathBuf::from("/usr/sbin")];
    local
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|it| it.join(name))
        .find(|it| it.is_file())
}

/// A program of this workspace, built with the same profile as the running test.
///
/// # Panics
///
/// When it has not been built; `./x test` builds it first.
#[must_use]
pub fn own_program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    // A program of the tests lies beside the others, a test one folder below them.
    let folders = this.parent().into_iter().chain(this.parent().and_then(Path::parent));
    let program = folders.map(|it| it.join(name)).find(|it| it.is_file()).unwrap_or_default();
    if !program.is_file() {
        panic!("`{name}` is not built; `./x test` builds it first");
    }
    program
}
