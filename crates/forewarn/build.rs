//! Lists the files that are built into the program: site files, templates, rules and models.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let mut paths = Vec::new();
    for folder in ["config/demo", "config/devices", "config/rules", "models"] {
        collect(&root.join(folder), &mut paths)?;
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    paths.sort();
    let mut code =
        "/// Path in the repository, and text.\nconst SHIPPED: &[(&str, &str)] = &[\n".to_owned();
    for path in paths {
        let name = path.strip_prefix(&root)?.display().to_string();
        let path = path.display().to_string();
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code += "];\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("shipped.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
