//! Types as the pass and the pages' engine read them.

mod support;

use extism_rewrite::ValType;
use extism_rewrite::module::{Sections, section, types};
use support::wat;

/// For each type of a module its parameters and results, or that it is no function's.
fn read(text: &str) -> Vec<Option<String>> {
    let wasm = wat(text);
    let mut sections = Sections::new(&wasm).map(|found| found.expect("a valid module"));
    let (_, range) = sections
        .find(|(id, _)| *id == section::TYPE)
        .expect("it has types");
    let declared = types(&wasm[range]).expect("they can be read");
    let names = |types: &[ValType]| {
        types
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let each = declared.iter().map(|ty| {
        let ty = ty.as_ref()?;
        Some(format!("{} -> {}", names(&ty.params), names(&ty.results)))
    });
    each.collect()
}

#[test]
fn every_type_has_its_name() {
    let text = "(module
        (type (func))
        (type (func (param i32 i64 f32 f64 v128 funcref externref) (result i64 i32)))
        (type (func (param anyref i31ref) (result exnref)))
        (rec (type (struct (field i32))) (type (func (param (ref 3) (ref null 4) i32))))
        (type (sub (func (result f32))))
        (type (array (mut i8)))
        (type (cont 0))
        (type (func (result i64))))";
    let some = |text: &str| Some(text.to_string());
    let expected = [
        some(" -> "),
        some("i32 i64 f32 f64 v128 funcref externref -> i64 i32"),
        some("ref ref -> ref"),
        None,
        some("ref ref i32 -> "),
        some(" -> f32"),
        None,
        None,
        some(" -> i64"),
    ];
    assert_eq!(read(text), expected);
}
