//! The shipped library loads, and what cannot be right is refused.

use super::*;

#[test]
fn every_file_of_the_folder_is_built_in_and_loads() {
    let library = Library::parse(BUILT_IN).unwrap_or_else(|error| {
        panic!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
    });
    assert!(28 <= library.modes().len(), "{} modes", library.modes().len());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/failure-modes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|it| it.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|it| it.ends_with(".toml"))
        .collect();
    files.sort();
    let mut known = BUILT_IN.map(|(name, _)| name);
    known.sort_unstable();
    assert_eq!(files, known);
}

#[test]
fn every_family_has_candidates_whose_priors_add_up_to_one() {
    let library = Library::built_in();
    for family in FaultFamily::ALL {
        for kind in ["", "spindle", "hydraulics", "pump", "machine"] {
            let candidates = library.candidates(*family, kind, "cnc-mill");
            let total: f64 = candidates.iter().map(|(_, prior)| prior).sum();
            assert!((total - 1.0).abs() < 1e-12, "{family} on {kind}: {total}");
            assert!(candidates.iter().any(|(mode, _)| mode.code == OTHER));
        }
    }
}

#[test]
fn a_class_of_device_can_shift_the_prior() {
    let library = Library::built_in();
    let prior = |class: &str| {
        let candidates = library.candidates(FaultFamily::Rotor, "spindle", class);
        candidates.iter().find(|(mode, _)| mode.code == "imbalance").expect("a candidate").1
    };
    assert!(prior("fan") > prior("cnc-mill"));
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let other = BUILT_IN[6];
    let good = "schema = 'forewarn.failure-modes/1'\n[[mode]]\ncode = 'x'\n\
        name = { en = 'x', zh = '某' }\nheadline = { en = 'x', zh = '某' }\n\
        seen_as = { rotor = 0.1 }\nactions = [{ en = 'look', zh = '看' }]\n\
        iso14224 = { mode = 'VIB', mechanism = '1.2' }\n";
    assert!(Library::parse([other, ("x", good)]).is_ok());
    for (from, to, named) in [
        ("'x', zh = '某' }\nh", "'x' }\nh", "lacks a language"),
        ("0.1", "-0.1", "above zero"),
        ("'look'", "'look at {whatever}'", "whatever"),
        ("code = 'x'", "code = 'other'", "stands twice"),
        ("modes/1", "modes/2", "is expected"),
        ("iso14224", "colour = 'red'\niso14224", "no failure-mode file"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is not in the sample");
        let error = Library::parse([other, ("x", &bad)]).expect_err(named);
        assert!(error.to_string().contains(named), "{error}");
    }
    let evidence =
        "[[mode.evidence]]\nsymptom = 'hf-up'\nratio = 99\ntext = { en = 'a', zh = '甲' }";
    let error = Library::parse([other, ("x", &format!("{good}{evidence}"))]).expect_err("99");
    assert!(error.to_string().contains("0.05 to 20"), "{error}");
    assert!(matches!(Library::parse([("x", good)]), Err(LibraryError::NoOther)));
}

#[test]
fn the_card_of_the_fitted_ratios_names_their_hash_and_their_data() {
    let card: toml::Table = include_str!("../../../../models/cards/causes.toml").parse().unwrap();
    let library = Library::built_in();
    let Calibration { sha256, exponent, doubt, fitted_on } = library.calibration();
    let told = card["sha256"].as_str().unwrap();
    assert_eq!(told, sha256.unwrap().to_string(), "measure anew, then write the hash to the card");
    let settings = card["settings"].as_table().unwrap();
    assert_eq!(settings["exponent"].as_float(), Some(*exponent));
    assert_eq!(settings["doubt"].as_float(), Some(*doubt));
    assert!(fitted_on.ends_with(card["data"]["what"].as_str().unwrap()), "{fitted_on}");
}
