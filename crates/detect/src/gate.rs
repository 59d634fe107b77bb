//! In which operating states a rule looks.

use forewarn_domain::id::StateId;

/// A set of operating states of one device, one bit each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gate(u64);

impl Gate {
    /// The states that a rule lists, bands included; without a list every state but the last one,
    /// which is `unknown`.
    pub(crate) fn new(listed: Option<&[StateId]>, states: &[StateId]) -> Self {
        let last = states.len().saturating_sub(1);
        let is_open = |index: usize, state: &StateId| match listed {
            None => index != last,
            Some(listed) => listed.iter().any(|it| it == state || is_band_of(state, it)),
        };
        let bits = states.iter().enumerate().filter(|(index, state)| is_open(*index, state));
        Self(bits.fold(0, |word, (index, _)| word | 1_u64 << (index & 63)))
    }

    pub(crate) fn is_open(self, state: u8) -> bool {
        self.0 >> (state & 63) & 1 == 1
    }

    /// Whether none of the listed states exists on the device.
    pub(crate) fn is_shut(self) -> bool {
        self.0 == 0
    }
}

/// Whether `state` is a speed band of `whole`, e.g. `cut-1` of `cut`.
fn is_band_of(state: &StateId, whole: &StateId) -> bool {
    let band = state.as_str().strip_prefix(whole.as_str()).and_then(|it| it.strip_prefix('-'));
    band.is_some_and(|it| !it.is_empty() && it.bytes().all(|letter| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(names: &[&str]) -> Vec<StateId> {
        names.iter().map(|it| StateId::new(it).expect("slug")).collect()
    }

    #[test]
    fn without_a_list_only_the_unknown_state_is_shut() {
        let gate = Gate::new(None, &states(&["cut", "idle", "unknown"]));
        assert_eq!([0, 1, 2].map(|it| gate.is_open(it)), [true, true, false]);
    }

    #[test]
    fn a_listed_state_opens_all_its_speed_bands() {
        let known = states(&["cut-0", "cut-1", "cutter", "unknown"]);
        let gate = Gate::new(Some(&states(&["cut"])), &known);
        assert_eq!([0, 1, 2, 3].map(|it| gate.is_open(it)), [true, true, false, false]);
        assert!(Gate::new(Some(&states(&["wash"])), &known).is_shut());
    }
}
