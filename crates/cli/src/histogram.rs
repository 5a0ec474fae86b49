//! Durations counted by size, in memory that does not grow with their number.
//!
//! Must not know: what takes the time. Invariant: a quantile is off by less than one part in a hundred;
//! the least and the greatest value are exact.

/// Values below this have a place each; above, every doubling is divided into as many places.
const PLACES: usize = 128;
const PLACES_LOG2: u32 = PLACES.ilog2();
const LENGTH: usize = PLACES * (u64::BITS - PLACES_LOG2 + 1) as usize;

/// Durations in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    min: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            counts: vec![0; LENGTH],
            total: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[place(value)] += 1;
        self.total += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn add(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// 0 if nothing was recorded.
    pub(crate) fn min(&self) -> u64 {
        self.min.min(self.max)
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The value that `per_thousand` of a thousand do not exceed; 0 if nothing was recorded.
    pub(crate) fn quantile(&self, per_thousand: u64) -> u64 {
        let rank = u128::from(self.total) * u128::from(per_thousand);
        let rank = rank.div_ceil(1000).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return last_of(place).clamp(self.min(), self.max);
            }
        }
        0
    }
}

fn place(value: u64) -> usize {
    let Some(octave) = value
        .checked_ilog2()
        .and_then(|log2| log2.checked_sub(PLACES_LOG2))
    else {
        return value as usize;
    };
    // The highest bit says which octave it is, the next seven which place in it.
    let within = (value >> octave) as usize % PLACES;
    PLACES * (octave as usize + 1) + within
}

/// The greatest value that has this place.
fn last_of(place: usize) -> u64 {
    let Some(octave) = (place / PLACES).checked_sub(1) else {
        return place as u64;
    };
    let first = ((PLACES + place % PLACES) as u64) << octave;
    first + ((1 << octave) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_that_is_close() {
        for shift in 0..64 {
            for offset in [0, 1, 3] {
                let value = (1_u64 << shift).saturating_add(offset << (shift / 2));
                let last = last_of(place(value));
                assert!(last >= value, "{value}");
                assert!(last - value <= value / 100, "{value} is counted as {last}");
            }
        }
        assert_eq!(last_of(place(u64::MAX)), u64::MAX);
    }

    #[test]
    fn quantiles_of_a_hundred_values() {
        let mut all = Histogram::new();
        let mut rest = Histogram::new();
        for value in 1..=50 {
            all.record(value);
            rest.record(value + 50);
        }
        all.add(&rest);
        assert_eq!((all.total(), all.min(), all.max()), (100, 1, 100));
        assert_eq!((all.quantile(500), all.quantile(990)), (50, 99));
        assert_eq!((all.quantile(0), all.quantile(1000)), (1, 100));
    }

    #[test]
    fn nothing_recorded_is_zero() {
        let none = Histogram::new();
        assert_eq!((none.min(), none.max(), none.quantile(500)), (0, 0, 0));
    }
}
