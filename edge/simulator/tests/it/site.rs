//! The files of `config/`, read from the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant as Site;
use forewarn_domain::template::DeviceTemplate;
use forewarn_domain::time::Time;
use forewarn_simulator::{Plan, SimulatedPlant};
use forewarn_vibration::Catalogue;

pub(crate) const ORIGIN: Time = Time::from_micros(1_780_000_000_000_000);

pub(crate) fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn templates(folder: &Path) -> Vec<DeviceTemplate> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let template: DeviceTemplate = toml::from_str(&read(path))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(path.file_stem().unwrap().to_str(), Some(template.device.id.as_str()));
            template
        })
        .collect()
}

pub(crate) fn site_file(path: &Path) -> SiteFile {
    toml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn demo() -> Arc<Site> {
    let file = site_file(&config().join("demo/site.toml"));
    Arc::new(Site::new(file, templates(&config().join("devices"))).unwrap())
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::parse(include_str!("../../../../models/bearings.csv")).unwrap()
}

pub(crate) fn simulated(seed: u64) -> SimulatedPlant {
    let site = demo();
    let plan = Plan::for_seed(seed, &site);
    SimulatedPlant::new(site, &catalogue(), seed, ORIGIN, plan).unwrap()
}
