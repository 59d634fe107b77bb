//! Who should go: a score for everybody who could, with its parts.
//!
//! score = skill × load × nearness × learnt hours × fairness, each from 0 to 1. A person without a
//! certificate that the fault needs, off duty or on leave is not a candidate at all, and is listed
//! with the reason. Rely on this: equal scores are decided by the id, so the answer is always the same.

use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{AreaId, PersonId};
use forewarn_domain::people::{People, Person};
use forewarn_domain::ticket::course::Crew;
use forewarn_domain::time::Time;

/// What the work asks for.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// Which family of faults.
    pub family: FaultFamily,
    /// Where.
    pub area: Option<&'a AreaId>,
    /// When.
    pub at: Time,
}

/// A person with a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// The product of the parts, 0 to 1.
    pub score: f64,
    /// What it is made of.
    pub parts: Parts,
}

/// The parts of a score, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// How well the person knows the family: 1 for who teaches it, a quarter for who never did it.
    pub skill: f64,
    /// One over one and the open tickets in hand.
    pub load: f64,
    /// A half at 200 m.
    pub nearness: f64,
    /// How quickly such faults were repaired so far: the crew's mean over the person's, at most
    /// twice it, halved; a half for who has no history.
    pub learnt: f64,
    /// A half for who was given seven tickets more than the least busy in the last week.
    pub fairness: f64,
}

impl Parts {
    fn product(self) -> f64 {
        self.skill * self.load * self.nearness * self.learnt * self.fairness
    }
}

/// Why somebody is no candidate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Excluded {
    /// A certificate is missing or has ended.
    Certificate,
    /// Not on duty, or on leave.
    OffDuty,
}

/// Everybody who could go, best first.
#[must_use]
pub fn rank(people: &People, present: &[PersonId], job: &Job<'_>, crew: &Crew) -> Vec<Candidate> {
    let could: Vec<&Person> = people
        .file()
        .persons
        .iter()
        .filter(|it| excluded(people, present, job, it).is_none())
        .collect();
    let recent = |person: &PersonId| crew.recent.get(person).copied().unwrap_or(0);
    let least = could.iter().map(|it| recent(&it.id)).min().unwrap_or(0);
    let mean_s = mean_s(crew, job.family);
    let mut all: Vec<Candidate> = could
        .into_iter()
        .map(|person| {
            let parts = Parts {
                skill: f64::from(1 + person.skills.get(&job.family).copied().unwrap_or(0)) / 4.0,
                load: 1.0 / f64::from(1 + crew.open.get(&person.id).copied().unwrap_or(0)),
                nearness: nearness(people, person, job.area),
                learnt: learnt(crew, person, (job.family, mean_s)),
                fairness: 7.0 / f64::from(7 + recent(&person.id) - least),
            };
            let (id, name) = (person.id.clone(), person.name.clone());
            Candidate { person: id, name, score: parts.product(), parts }
        })
        .collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.person.cmp(&b.person)));
    all
}

/// Why a person cannot go; `None` for a candidate.
#[must_use]
pub fn excluded(
    people: &People,
    present: &[PersonId],
    job: &Job<'_>,
    person: &Person,
) -> Option<Excluded> {
    if !present.contains(&person.id) {
        return Some(Excluded::OffDuty);
    }
    let today = job.at.to_utc().date_naive();
    let asked = people.file().certificates.get(&job.family).into_iter().flatten();
    let mut holds = asked.map(|code| {
        let mut own = person.certificates.iter().filter(|it| it.code == *code);
        own.any(|it| it.until.is_none_or(|until| today <= until))
    });
    (!holds.all(|it| it)).then_some(Excluded::Certificate)
}

/// Two hundred metres halve it; an unknown place counts as such a way.
fn nearness(people: &People, person: &Person, area: Option<&AreaId>) -> f64 {
    let (Some(area), Some(own)) = (area, person.area.as_ref()) else { return 0.5 };
    people.distance_m(own, area).map_or(0.5, |metres| 200.0 / (200.0 + metres))
}

/// How long the crew takes for a family on average.
fn mean_s(crew: &Crew, family: FaultFamily) -> f64 {
    let of_family = crew.finished.iter().filter(|((_, it), _)| *it == family);
    let (count, sum_s) = of_family.fold((0.0, 0.0), |(count, sum_s), (_, (n, mean))| {
        (count + f64::from(*n), sum_s + f64::from(*n) * mean.secs_f64())
    });
    if count == 0.0 { 0.0 } else { sum_s / count }
}

fn learnt(crew: &Crew, person: &Person, (family, mean_s): (FaultFamily, f64)) -> f64 {
    match crew.finished.get(&(person.id.clone(), family)) {
        Some((_, own)) if 0.0 < own.secs_f64() => (mean_s / own.secs_f64()).min(2.0) / 2.0,
        Some(_) | None => 0.5,
    }
}

#[cfg(test)]
mod tests;
