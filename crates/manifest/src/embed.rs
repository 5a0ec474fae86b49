//! Manifests inside other people's types: `serde::Deserialize` through the same reader as the parser.
//!
//! Must not know any format. Invariant: what is refused here is refused with the parser's own words, and a
//! pointer into the host process is never followed.

use serde::de::{Deserialize, Deserializer, Error};

use crate::node::Budget;
use crate::place::{Place, Syntax};
use crate::{Manifest, ParseOptions, Wasm, reader};

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Manifest, D::Error> {
        let options = ParseOptions::default();
        let node = Budget::new(options.values_max).read(deserializer)?;
        reader::manifest(node, Syntax::Json, &options).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Wasm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Wasm, D::Error> {
        let options = ParseOptions::default();
        let node = Budget::new(options.values_max).read(deserializer)?;
        reader::module(node, &Place::Root(Syntax::Json), &options).map_err(D::Error::custom)
    }
}
