//! The ranking beside a brute force that asks for every person alone, on 1,000 random crews.

use std::collections::BTreeMap;

use forewarn_domain::people::{Area, Certificate, Group, PeopleFile, Reach, SCHEMA};
use forewarn_domain::text::Localized;
use forewarn_domain::time::Span;

use super::*;

/// splitmix64: the same crews in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 33).expect("31 bits") % sides
    }
}

struct Scene {
    people: People,
    present: Vec<PersonId>,
    crew: Crew,
}

fn id(text: &str) -> PersonId {
    PersonId::new(text).expect("a slug")
}

fn scene(dice: &mut Dice) -> Scene {
    let area = |number: u32, x: f64, y: f64| Area {
        id: AreaId::new(&format!("hall-{number}")).expect("a slug"),
        name: Localized::default(),
        at_m: [x, y],
    };
    let areas: Vec<Area> =
        (0..4).map(|it| area(it, f64::from(dice.below(500)), f64::from(dice.below(500)))).collect();
    let group = Group {
        id: "all".parse().expect("a slug"),
        name: Localized::default(),
        leads: Vec::new(),
        next: None,
    };
    let (mut persons, mut present, mut crew) = (Vec::new(), Vec::new(), Crew::default());
    for number in 0..1 + dice.below(9) {
        let own = id(&format!("p{number}"));
        if dice.below(4) != 0 {
            present.push(own.clone());
        }
        crew.open.insert(own.clone(), dice.below(5));
        crew.recent.insert(own.clone(), dice.below(9));
        if dice.below(2) == 0 {
            let took = (1 + dice.below(4), Span::from_secs(i64::from(600 + dice.below(20_000))));
            crew.finished.insert((own.clone(), FaultFamily::Electrical), took);
        }
        let until = ["2026-11-25", "2026-11-26", "2030-01-01"][dice.below(3) as usize];
        let mut skills = BTreeMap::new();
        if dice.below(3) != 0 {
            let level = u8::try_from(1 + dice.below(3)).expect("small");
            skills.insert(FaultFamily::Electrical, level);
        }
        let has_one = dice.below(4) != 0;
        let until = until.parse().ok();
        let one = Certificate { code: "low-voltage".to_owned(), until };
        persons.push(Person {
            id: own,
            name: format!("P{number}"),
            groups: vec![group.id.clone()],
            area: (dice.below(5) != 0).then(|| areas[dice.below(4) as usize].id.clone()),
            skills,
            certificates: if has_one { vec![one] } else { Vec::new() },
            reach: Reach::default(),
        });
    }
    let certificates = [(FaultFamily::Electrical, vec!["low-voltage".to_owned()])];
    let file = PeopleFile {
        schema: SCHEMA.to_owned(),
        managers: Vec::new(),
        directors: Vec::new(),
        standby: None,
        certificates: certificates.into_iter().collect(),
        areas,
        groups: vec![group],
        persons,
    };
    Scene { people: People::try_from(file).expect("consistent"), present, crew }
}

/// The score of one person, written down from the description and not from the code.
fn plain_score(scene: &Scene, person: &Person, area: &AreaId) -> Option<f64> {
    let last_day = person.certificates.first()?.until?;
    let today = "2026-11-26".parse::<chrono::NaiveDate>().expect("a date");
    if last_day < today || !scene.present.contains(&person.id) {
        return None;
    }
    let level = person.skills.get(&FaultFamily::Electrical).map_or(0.0, |it| f64::from(*it));
    let mut score = (1.0 + level) / 4.0;
    score /= f64::from(1 + scene.crew.open[&person.id]);
    score *= match &person.area {
        Some(own) => 200.0 / (200.0 + scene.people.distance_m(own, area).expect("both known")),
        None => 0.5,
    };
    let (mut tickets, mut seconds) = (0.0, 0.0);
    for (n, mean) in scene.crew.finished.values() {
        tickets += f64::from(*n);
        seconds += f64::from(*n) * mean.secs_f64();
    }
    let key = (person.id.clone(), FaultFamily::Electrical);
    score *= match scene.crew.finished.get(&key) {
        Some((_, mean)) => (seconds / tickets / mean.secs_f64()).min(2.0) / 2.0,
        None => 0.5,
    };
    Some(score)
}

#[test]
fn a_thousand_random_crews_are_ranked_as_by_brute_force() {
    let area = AreaId::new("hall-1").expect("a slug");
    let at = "2026-11-26T08:00:00Z".parse().expect("a time");
    let job = Job { family: FaultFamily::Electrical, area: Some(&area), at };
    let mut chosen = 0;
    for seed in 0..1_000 {
        let scene = scene(&mut Dice(seed));
        let ranked = rank(&scene.people, &scene.present, &job, &scene.crew);
        let mut plain: Vec<(PersonId, f64)> = Vec::new();
        for person in &scene.people.file().persons {
            if let Some(score) = plain_score(&scene, person, &area) {
                plain.push((person.id.clone(), score));
            }
        }
        let least = plain.iter().map(|(it, _)| scene.crew.recent[it]).min().unwrap_or(0);
        for (person, score) in &mut plain {
            *score *= 7.0 / f64::from(7 + scene.crew.recent[person] - least);
        }
        assert_eq!(ranked.len(), plain.len(), "seed {seed}");
        for candidate in &ranked {
            let (_, score) = plain.iter().find(|(it, _)| *it == candidate.person).expect("known");
            assert!((score - candidate.score).abs() < 1e-12, "seed {seed}: {candidate:?}");
        }
        // The optimum: nobody who could go has more than who is named first.
        if let Some(best) = ranked.first() {
            chosen += 1;
            assert!(plain.iter().all(|(_, score)| *score <= best.score + 1e-12), "seed {seed}");
        }
        assert!(ranked.windows(2).all(|it| it[1].score <= it[0].score), "seed {seed}");
    }
    assert!(500 < chosen, "only {chosen} crews had anybody to send");
}

#[test]
fn who_is_off_duty_or_lacks_the_certificate_is_not_sent_and_the_reason_is_told() {
    let scene = (0..).map(|seed| scene(&mut Dice(seed))).find(|it| 4 < it.present.len());
    let scene = scene.expect("there are large crews");
    let at = "2026-11-26T08:00:00Z".parse().expect("a time");
    let job = Job { family: FaultFamily::Electrical, area: None, at };
    let person = scene.people.person(&scene.present[0]).expect("known").clone();
    let none = Person { certificates: Vec::new(), ..person.clone() };
    let reason = |person: &Person, present: &[PersonId], family| {
        excluded(&scene.people, present, &Job { family, ..job.clone() }, person)
    };
    let (electrical, bearing) = (FaultFamily::Electrical, FaultFamily::Bearing);
    assert_eq!(reason(&none, &scene.present, electrical), Some(Excluded::Certificate));
    assert_eq!(reason(&none, &scene.present, bearing), None);
    assert_eq!(reason(&person, &[], bearing), Some(Excluded::OffDuty));
}
