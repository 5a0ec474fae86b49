//! Ways to compile, from the fastest code to the fastest compilation.
//!
//! Must not know: what is compiled. Invariant: the first is how the runtime compiles.

use wasmtime::{Config, OptLevel, RegallocAlgorithm};

/// A way to compile.
pub(crate) struct Codegen {
    pub(crate) name: &'static str,
    set: fn(&mut Config),
}

impl Codegen {
    /// Makes an engine compile this way.
    pub(crate) fn set(&self, config: &mut Config) {
        (self.set)(config);
    }
}

/// The runtime's way.
pub(crate) const DEFAULT: Codegen = Codegen {
    name: "for speed",
    set: |_| {},
};

/// Other ways.
pub(crate) const OTHERS: [Codegen; 3] = [
    Codegen {
        name: "for speed and size",
        set: |config| {
            config.cranelift_opt_level(OptLevel::SpeedAndSize);
        },
    },
    Codegen {
        name: "not optimised",
        set: |config| {
            config.cranelift_opt_level(OptLevel::None);
        },
    },
    Codegen {
        name: "not optimised, registers in one pass",
        set: |config| {
            config
                .cranelift_opt_level(OptLevel::None)
                .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        },
    },
];
