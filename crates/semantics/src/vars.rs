//! The variables of a plug-in: bytes under names, kept from call to call, counted exactly.
//!
//! A variable costs its name, its value and a fixed overhead. Invariant: through [`Vars::set`] the
//! sum never passes the limit, replacing a value charges only the difference, and no variable holds more
//! memory than it costs.

use std::collections::BTreeMap;

use extism_abi::Status;

use crate::guest::copied;
use crate::limits::VAR_OVERHEAD_BYTES;
use crate::{Fault, Limits};

/// The variables of one plug-in.
#[derive(Debug)]
pub struct Vars {
    map: BTreeMap<String, Vec<u8>>,
    /// What the variables cost; `None` after the host had the map in its hands.
    used: Option<u64>,
    bytes_max: u64,
    count_max: usize,
    name_bytes_max: u64,
}

impl Vars {
    /// No variables yet; `bytes_max` is what the manifest grants, or the default.
    pub fn new(limits: &Limits, bytes_max: u64) -> Vars {
        Vars {
            map: BTreeMap::new(),
            used: Some(0),
            bytes_max: bytes_max.min(limits.vars_bytes_max),
            count_max: limits.vars_count_max,
            name_bytes_max: limits.var_name_bytes_max,
        }
    }

    /// Whether the host has granted variables at all.
    pub fn enabled(&self) -> bool {
        self.bytes_max > 0
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.map.get(name).map(Vec::as_slice)
    }

    /// All of them.
    pub fn map(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.map
    }

    /// For the host, which is not bound by the limit; what it stores counts all the same.
    pub fn map_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.used = None;
        &mut self.map
    }

    /// Removes one, if it is there.
    pub fn remove(&mut self, name: &str) {
        if let Some(value) = self.map.remove(name) {
            self.used = self
                .used
                .map(|used| used.saturating_sub(cost(name, &value)));
        }
    }

    /// Sets one, for the plug-in.
    ///
    /// # Errors
    /// [`Status::Vars`] when the limits do not allow it, [`Status::OutOfMemory`] when the host has no
    /// memory for it; nothing has changed then.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        let old = self.map.get(name);
        if old.is_none() && self.map.len() >= self.count_max {
            return Err(full());
        }
        self.check_name(name.len() as u64)?;
        let replaced = old.map_or(0, |old| cost(name, old));
        let used = (self.used() - replaced).saturating_add(cost(name, value));
        if used > self.bytes_max {
            return Err(full());
        }
        match self.map.get_mut(name) {
            // A shorter one in the same place would leave memory there that nothing counts.
            Some(old) if old.len() == value.len() => old.copy_from_slice(value),
            Some(old) => *old = copied(value)?,
            None => _ = self.map.insert(name.to_owned(), copied(value)?),
        }
        self.used = Some(used);
        Ok(())
    }

    /// Whether the plug-in may set a variable with so long a name.
    ///
    /// # Errors
    /// [`Status::Vars`].
    pub(crate) fn check_name(&self, bytes: u64) -> Result<(), Fault> {
        if bytes <= self.name_bytes_max {
            return Ok(());
        }
        let text = format!("variable name is longer than {} bytes", self.name_bytes_max);
        Err(Fault::new(Status::Vars, text))
    }

    /// How long names are at most: the host's are bound by nothing.
    pub(crate) fn name_bytes(&self) -> usize {
        self.map.keys().map(String::len).max().unwrap_or(0)
    }

    fn used(&self) -> u64 {
        self.used
            .unwrap_or_else(|| self.map.iter().map(|(name, value)| cost(name, value)).sum())
    }
}

fn cost(name: &str, value: &[u8]) -> u64 {
    VAR_OVERHEAD_BYTES
        .saturating_add(name.len() as u64)
        .saturating_add(value.len() as u64)
}

fn full() -> Fault {
    Fault::new(Status::Vars, "Variable store is full")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(bytes_max: u64) -> Vars {
        Vars::new(&Limits::default(), bytes_max)
    }

    #[test]
    fn the_limit_is_exact() {
        let cost = VAR_OVERHEAD_BYTES + 1 + 10;
        for (limit, fits) in [(cost - 1, false), (cost, true), (cost + 1, true)] {
            let set = vars(limit).set("k", &[0; 10]);
            assert_eq!(set.is_ok(), fits, "limit {limit}");
        }
    }

    #[test]
    fn replacing_charges_only_the_difference() {
        let mut vars = vars(VAR_OVERHEAD_BYTES + 1 + 10);
        vars.set("k", &[1; 10]).unwrap();
        vars.set("k", &[2; 10]).unwrap();
        assert_eq!(vars.get("k"), Some(&[2u8; 10][..]));
        let error = vars.set("k", &[3; 11]).unwrap_err();
        assert_eq!(error.status(), Status::Vars);
        assert_eq!(error.message(), "Variable store is full");
        assert_eq!(vars.get("k"), Some(&[2u8; 10][..]), "nothing is lost");
    }

    #[test]
    fn no_value_keeps_the_memory_of_a_longer_one() {
        let mut vars = vars(100_000);
        for bytes in [50_000, 1, 50_000, 0] {
            vars.set("k", &vec![1; bytes]).unwrap();
            assert!(vars.map()["k"].capacity() <= bytes, "{bytes} bytes");
        }
    }

    #[test]
    fn removing_gives_everything_back() {
        let mut vars = vars(VAR_OVERHEAD_BYTES + 1 + 10);
        for _ in 0..3 {
            vars.set("k", &[1; 10]).unwrap();
            vars.remove("k");
        }
        assert_eq!(vars.used(), 0);
        vars.map_mut().insert("h".into(), vec![0; 5]);
        assert_eq!(vars.used(), VAR_OVERHEAD_BYTES + 1 + 5);
    }
}
