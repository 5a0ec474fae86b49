//! Numbers of a loop's round, written as sums of what the locals held when the round began.
//!
//! Knows the arithmetic of Wasm's integers, not what loops look like. Invariant: a [`Sum`] has, for
//! whatever the locals hold, exactly the bits of the expression it was made from; what cannot be
//! said as a short sum is not said at all.

/// The two integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    I32,
    I64,
}

impl Word {
    /// A number's bits, without those the type has no room for.
    pub(crate) fn cut(self, bits: u64) -> u64 {
        match self {
            Word::I32 => bits & u64::from(u32::MAX),
            Word::I64 => bits,
        }
    }

    /// The same bits as a signed number.
    pub(crate) fn signed(self, bits: u64) -> i64 {
        match self {
            Word::I32 => i64::from(bits as i32),
            Word::I64 => bits as i64,
        }
    }
}

/// A local that holds an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) index: u32,
    pub(crate) word: Word,
}

/// What is multiplied and added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    /// What a local held when the round began. In a 32-bit sum the lower half of a 64-bit local too.
    Local(Local),
    /// A 32-bit sum made into a 64-bit number.
    Extended { sum: Sum, signed: bool },
}

/// An atom and how many times it is added; a factor of -1 takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) atom: Atom,
    pub(crate) factor: u64,
}

/// A sum of terms and a constant, modulo 2^32 or 2^64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) word: Word,
    pub(crate) terms: Vec<Term>,
    pub(crate) constant: u64,
}

/// More than compilers need for an address; keeps the work and what is emitted small.
const TERMS_MAX: usize = 4;

impl Sum {
    pub(crate) fn constant(word: Word, value: u64) -> Self {
        let (terms, constant) = (Vec::new(), word.cut(value));
        Sum {
            word,
            terms,
            constant,
        }
    }

    pub(crate) fn local(local: Local) -> Self {
        Sum::atom(local.word, Atom::Local(local))
    }

    fn atom(word: Word, atom: Atom) -> Self {
        let (terms, constant) = (vec![Term { atom, factor: 1 }], 0);
        Sum {
            word,
            terms,
            constant,
        }
    }

    /// The constant, if there is nothing else.
    pub(crate) fn as_constant(&self) -> Option<u64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// `self + other`.
    pub(crate) fn plus(mut self, other: &Sum) -> Option<Sum> {
        self.constant = self.word.cut(self.constant.wrapping_add(other.constant));
        for term in &other.terms {
            self.add_term(term.atom.clone(), term.factor);
        }
        (self.word == other.word && self.terms.len() <= TERMS_MAX).then_some(self)
    }

    /// `self - other`.
    pub(crate) fn minus(self, other: &Sum) -> Option<Sum> {
        self.plus(&other.clone().times(u64::MAX))
    }

    /// `self * factor`.
    pub(crate) fn times(mut self, factor: u64) -> Sum {
        let word = self.word;
        self.constant = word.cut(self.constant.wrapping_mul(factor));
        for term in &mut self.terms {
            term.factor = word.cut(term.factor.wrapping_mul(factor));
        }
        self.terms.retain(|term| term.factor != 0);
        self
    }

    /// The lower half of a 64-bit sum: of sums and products it needs lower halves only.
    pub(crate) fn wrapped(&self) -> Option<Sum> {
        let mut sum = Sum::constant(Word::I32, self.constant);
        for term in &self.terms {
            let wrapped = match &term.atom {
                Atom::Local(local) => Sum::atom(Word::I32, Atom::Local(*local)),
                Atom::Extended { sum, .. } => sum.clone(),
            };
            sum = sum.plus(&wrapped.times(term.factor))?;
        }
        Some(sum)
    }

    /// A 32-bit sum made into a 64-bit number.
    pub(crate) fn extended(self, signed: bool) -> Sum {
        match self.as_constant() {
            Some(value) if signed => Sum::constant(Word::I64, Word::I32.signed(value) as u64),
            Some(value) => Sum::constant(Word::I64, value),
            None => Sum::atom(Word::I64, Atom::Extended { sum: self, signed }),
        }
    }

    /// By how much the sum changes in a round, modulo its word, when each local changes by its step
    /// and no extended number wraps around on the way.
    pub(crate) fn step(&self, steps: &Steps) -> i64 {
        let changes = self.terms.iter().map(|term| {
            let change = match &term.atom {
                Atom::Local(local) => steps.of(local.index),
                Atom::Extended { sum, .. } => sum.step(steps),
            };
            term.factor.wrapping_mul(change as u64)
        });
        self.word.signed(changes.fold(0, u64::wrapping_add))
    }

    /// The extended numbers in the sum, each with whether it has a sign.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (&Sum, bool)> {
        self.terms.iter().filter_map(|term| match &term.atom {
            Atom::Extended { sum, signed } => Some((sum, *signed)),
            Atom::Local(_) => None,
        })
    }

    fn add_term(&mut self, atom: Atom, factor: u64) {
        let word = self.word;
        match self.terms.iter_mut().find(|term| term.atom == atom) {
            Some(term) => term.factor = word.cut(term.factor.wrapping_add(factor)),
            None => self.terms.push(Term { atom, factor }),
        }
        self.terms.retain(|term| term.factor != 0);
    }
}

/// By how much each local changes in a round: those that are not listed stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps(pub(crate) Vec<(Local, i64)>);

impl Steps {
    fn of(&self, index: u32) -> i64 {
        let found = self.0.iter().find(|(local, _)| local.index == index);
        found.map_or(0, |(_, step)| *step)
    }
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Differ,
    Less { signed: bool },
    AtMost { signed: bool },
}

/// A comparison of two sums of the same type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) relation: Relation,
    pub(crate) left: Sum,
    pub(crate) right: Sum,
}

impl Test {
    /// Whether a sum is not 0, which is what a branch asks.
    pub(crate) fn of_number(left: Sum) -> Self {
        let right = Sum::constant(left.word, 0);
        let relation = Relation::Differ;
        Test {
            relation,
            left,
            right,
        }
    }

    /// The test that holds when this one does not.
    pub(crate) fn negated(self) -> Self {
        let Test {
            relation,
            left,
            right,
        } = self;
        let (relation, left, right) = match relation {
            Relation::Equal => (Relation::Differ, left, right),
            Relation::Differ => (Relation::Equal, left, right),
            Relation::Less { signed } => (Relation::AtMost { signed }, right, left),
            Relation::AtMost { signed } => (Relation::Less { signed }, right, left),
        };
        Test {
            relation,
            left,
            right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(index: u32, word: Word) -> Sum {
        Sum::local(Local { index, word })
    }

    #[test]
    fn what_cancels_out_is_gone() {
        let (x, y) = (local(0, Word::I32), local(1, Word::I32));
        let sum = x.clone().plus(&y).expect("two terms");
        assert_eq!(sum.minus(&y), Some(x.clone()));
        assert_eq!(x.clone().times(1 << 32), Sum::constant(Word::I32, 0));
        assert_eq!(x.clone().minus(&x), Some(Sum::constant(Word::I32, 0)));
    }

    #[test]
    fn five_terms_are_not_said() {
        let sum = |count| {
            (1..count).try_fold(local(0, Word::I64), |sum, index| {
                sum.plus(&local(index, Word::I64))
            })
        };
        assert!(sum(4).is_some());
        assert_eq!(sum(5), None);
    }

    #[test]
    fn words_do_not_mix() {
        assert_eq!(local(0, Word::I32).plus(&local(1, Word::I64)), None);
    }

    /// The lower half of an extended number is the number; an extended lower half is not.
    #[test]
    fn halves_and_extensions() {
        let x = local(0, Word::I32);
        for signed in [false, true] {
            assert_eq!(x.clone().extended(signed).wrapped(), Some(x.clone()));
        }
        let wide = local(1, Word::I64);
        let half = wide.wrapped().expect("one term");
        assert_ne!(half.extended(false), wide);
        let low = Sum::constant(Word::I32, u64::MAX);
        assert_eq!(
            low.clone().extended(false).as_constant(),
            Some(u64::from(u32::MAX))
        );
        assert_eq!(low.extended(true).as_constant(), Some(u64::MAX));
    }

    #[test]
    fn steps_are_multiplied_and_cut() {
        let index = Local {
            index: 0,
            word: Word::I32,
        };
        let steps = Steps(vec![(index, 1 << 29)]);
        let x = Sum::local(index);
        assert_eq!(x.clone().times(4).step(&steps), i64::from(i32::MIN));
        assert_eq!(x.clone().times(8).step(&steps), 0);
        assert_eq!(x.extended(false).times(8).step(&steps), 1 << 32);
        assert_eq!(local(5, Word::I64).step(&steps), 0);
    }

    #[test]
    fn a_test_negated_twice_is_itself() {
        let relations = [
            Relation::Equal,
            Relation::Differ,
            Relation::Less { signed: true },
            Relation::AtMost { signed: false },
        ];
        for relation in relations {
            let test = Test {
                relation,
                left: local(0, Word::I32),
                right: local(1, Word::I32),
            };
            assert_ne!(test.clone().negated(), test);
            assert_eq!(test.clone().negated().negated(), test);
        }
    }
}
