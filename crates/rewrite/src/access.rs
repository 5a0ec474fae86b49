//! The kernel functions that become instructions, and how an import is recognised as one of them.
//!
//! Knows names and types, not what is emitted. Invariant: an import is recognised only when its
//! module, its name and its type are all those of the table in `extism-abi`.

use extism_abi::import::{
    ENV_MODULE, Import, KERNEL, LEGACY_MODULE, LEGACY_ONLY, LEGACY_PREFIX, Ty,
};

use crate::types::{FuncType, ValType};

/// How many bytes are read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One byte, an i32 for the guest.
    One,
    /// Four bytes, an i32.
    Four,
    /// Eight bytes, an i64.
    Eight,
}

impl Width {
    pub(crate) fn bytes(self) -> i64 {
        match self {
            Width::One => 1,
            Width::Four => 4,
            Width::Eight => 8,
        }
    }
}

/// A kernel function that becomes instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Load(Width),
    Store(Width),
    InputLoad(Width),
    InputLength,
    InputOffset,
    /// `memory.grow` or `table.grow`, which is no function but treated like one where growth is metered.
    Grow(Growing),
}

/// What can grow, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growing {
    Memory(u32),
    Table(u32),
}

const ACCESSES: &[(&str, Access)] = &[
    ("load_u8", Access::Load(Width::One)),
    ("load_u32", Access::Load(Width::Four)),
    ("load_u64", Access::Load(Width::Eight)),
    ("store_u8", Access::Store(Width::One)),
    ("store_u32", Access::Store(Width::Four)),
    ("store_u64", Access::Store(Width::Eight)),
    ("input_load_u8", Access::InputLoad(Width::One)),
    ("input_load_u64", Access::InputLoad(Width::Eight)),
    ("input_length", Access::InputLength),
    ("input_offset", Access::InputOffset),
];

impl Access {
    /// The access an import stands for, unless the host keeps that function to itself.
    pub(crate) fn of_import(
        module: &str,
        field: &str,
        ty: &FuncType,
        keep: &dyn Fn(&str) -> bool,
    ) -> Option<Access> {
        let import = find(module, field)?;
        let (_, access) = ACCESSES.iter().find(|(name, _)| *name == import.name)?;
        (same(import.params, &ty.params) && same(import.results, &ty.results) && !keep(import.name))
            .then_some(*access)
    }
}

/// The kernel function of that name, in either era.
fn find(module: &str, field: &str) -> Option<&'static Import> {
    let named =
        |table: &'static [Import], name: &str| table.iter().find(|import| import.name == name);
    match module {
        ENV_MODULE => named(KERNEL, field),
        LEGACY_MODULE => {
            let name = field.strip_prefix(LEGACY_PREFIX)?;
            named(KERNEL, name).or_else(|| named(LEGACY_ONLY, name))
        }
        _ => None,
    }
}

/// Whether a list of types is the one the table has.
pub(crate) fn same(expected: &[Ty], actual: &[ValType]) -> bool {
    let of = |ty: &Ty| match ty {
        Ty::I32 => ValType::I32,
        Ty::I64 => ValType::I64,
    };
    expected.iter().map(of).eq(actual.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_access_is_in_the_tables() {
        for (name, _) in ACCESSES {
            let field = format!("extism_{name}");
            assert_eq!(find("env", &field).map(|import| import.name), Some(*name));
        }
    }

    #[test]
    fn names_belong_to_their_era() {
        assert!(find("extism:host/env", "load_u8").is_some());
        assert!(find("extism:host/env", "extism_load_u8").is_none());
        assert!(find("extism:host/env", "load_u32").is_none());
        assert!(find("env", "load_u8").is_none());
        assert!(find("extism:host/user", "load_u8").is_none());
    }
}
