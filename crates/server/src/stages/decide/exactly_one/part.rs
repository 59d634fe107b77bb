//! Parts of the design that can be taken away, to see what each is worth.

/// What a world is without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// The acknowledgement after the commit: agents forget what has left them.
    Acknowledgement,
    /// Time to confirm and to clear: each reading beyond the limit counts.
    Confirmation,
    /// The ledger and the order of the agent: the engine takes what comes as it comes.
    Ledger,
    /// The engine's memory across a restart.
    Memory,
}

impl Part {
    pub(super) const ALL: [Self; 4] =
        [Self::Acknowledgement, Self::Confirmation, Self::Ledger, Self::Memory];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Confirmation => "confirmation",
            Self::Ledger => "ledger",
            Self::Memory => "memory",
        }
    }

    pub(super) fn named(name: &str) -> Self {
        let known = Self::ALL.map(Self::name);
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.unwrap_or_else(|| panic!("`{name}` is no part; there are {known:?}"))
    }
}
