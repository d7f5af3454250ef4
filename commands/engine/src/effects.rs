//! Mutating calls: why each is safe to repeat, how its result is found again, and how it is undone.

/// One mutating call, as a row of `docs/effects.md`.
#[derive(Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The call as the adapter names it.
    pub call: &'static str,
    /// The reason why it does not happen twice: a precondition, a token, or a deterministic name.
    pub guard: &'static str,
    /// How it is found again after its answer was lost.
    pub observed: &'static str,
    /// Whether an observation of absence counts at once, because running it again does no harm. Otherwise it
    /// counts only after the settle time, twice.
    pub repeatable: bool,
    /// How it is undone when its operation fails or is cancelled.
    pub undo: Undo,
}

/// The fate of a mutation whose operation fails or is cancelled. Resources that people can reach, or that
/// cost money as long as they exist, are undone. Unreachable resources remain for the next try, because
/// deleting is the most dangerous call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The step undoes it, with that call and precondition.
    By(&'static str),
    /// It stays. The text says why that does no harm.
    Stays(&'static str),
}

impl Mutation {
    /// Whether its step undoes it.
    pub fn is_undone(&self) -> bool {
        matches!(self.undo, Undo::By(_))
    }
}
