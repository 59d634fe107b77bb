//! Which places there are, how often each has ended a life, and which one comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Places and their hits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    hits: BTreeMap<String, u32>,
    /// Places that a server passes only before its first batch is stored.
    early: BTreeSet<String>,
}

impl Tally {
    /// The places of a run without deaths: of its first life, and of all that came after.
    pub(crate) fn new(first: &BTreeSet<String>, later: &BTreeSet<String>) -> Self {
        let hits = first.union(later).map(|place| (place.clone(), 0)).collect();
        Self { hits, early: first.difference(later).cloned().collect() }
    }

    pub(crate) fn count(&mut self, place: &str) {
        *self.hits.entry(place.to_owned()).or_default() += 1;
    }

    pub(crate) fn places(&self) -> usize {
        self.hits.len()
    }

    pub(crate) fn total(&self) -> u32 {
        self.hits.values().sum()
    }

    /// Places that were hit less often than that.
    pub(crate) fn below(&self, wanted: u32) -> Vec<&str> {
        let few = self.hits.iter().filter(|(_, hits)| **hits < wanted);
        few.map(|(place, _)| place.as_str()).collect()
    }

    /// The place with the fewest hits that was not tried in vain; early ones first in a young world.
    pub(crate) fn next(
        &self,
        is_young: bool,
        tried: &BTreeSet<String>,
        wanted: u32,
    ) -> Option<(String, u32)> {
        let least = |is_early: bool| {
            let of_kind = self.hits.iter().filter(|(place, hits)| {
                **hits < wanted
                    && !tried.contains(*place)
                    && self.early.contains(*place) == is_early
            });
            of_kind.min_by_key(|(_, hits)| **hits).map(|(place, hits)| (place.clone(), *hits))
        };
        let early = if is_young { least(true) } else { None };
        early.or_else(|| least(false))
    }

    /// The place whose name begins so.
    pub(crate) fn like(&self, beginning: &str) -> &str {
        let found = self.hits.keys().find(|place| place.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no place begins with {beginning}"))
    }

    /// Hits by place, the rarest first.
    pub(crate) fn table(&self) -> String {
        let mut rows: Vec<(&String, &u32)> = self.hits.iter().collect();
        rows.sort_by_key(|(place, hits)| (**hits, place.as_str()));
        let mut table = String::from("hits  place\n");
        for (place, hits) in rows {
            let short: String = place.chars().take(PLACE_SHOWN).collect();
            writeln!(table, "{hits:>4}  {short}").unwrap();
        }
        table
    }
}

/// The places that were seen, by the file in which lives wrote them down.
pub(crate) fn seen(log: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("seen\t")).map(str::to_owned).collect()
}

const PLACE_SHOWN: usize = 140;
