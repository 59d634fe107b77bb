//! What can be seen of an episode: each engine reads its own evidence and names symptoms.
//!
//! An engine judges nothing; how much a symptom speaks for or against a cause stands in the
//! failure-mode library.

mod bearing;
mod lubrication;
mod rotor;
mod orders;
mod hydraulic;
mod instrument;

use crate::case::Case;
use crate::symptom::Observation;

/// Every symptom once.
#[must_use]
pub fn observe(case: &Case<'_>) -> Vec<Observation> {
    let mut observations: Vec<Observation> = Vec::new();
    for observation in bearing::observe(case)
        .into_iter()
        .chain(lubrication::observe(case))
        .chain(rotor::observe(case))
        .chain(orders::observe(case))
        .chain(hydraulic::observe(case))
        .chain(instrument::observe(case))
    {
        if !observations.iter().any(|it| it.symptom == observation.symptom) {
            observations.push(observation);
        }
    }
    observations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Scene;
    use crate::symptom::Symptom;

    #[test]
    fn each_scene_shows_its_own_symptoms_and_no_others() {
        use Symptom as S;
        assert_eq!(
            seen(&Scene::outer_race()),
            [
                S::LineOuterRace,
                S::HfUp,
                S::GreaseOverdue,
                S::GreasingHelped,
                S::VelocityUnchanged,
                S::TemperatureUnchanged
            ]
        );
        assert_eq!(
            seen(&Scene::hot_oil()),
            [S::PressureUnchanged, S::LevelUnchanged, S::LoadUnchanged, S::TemperatureUp]
        );
        assert_eq!(
            seen(&Scene::flat_sensor()),
            [S::VelocityUnchanged, S::LoadUnchanged, S::Flat, S::SourceAlive, S::MachineNormal]
        );
    }

    fn seen(scene: &Scene) -> Vec<Symptom> {
        scene.case(|case| observe(case).iter().map(|it| it.symptom).collect())
    }
}
