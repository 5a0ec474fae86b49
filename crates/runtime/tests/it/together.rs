//! Every kind of plug-in in one process, side by side.

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Plugin, Status};

use crate::support::both_ways;

fn fixture(name: &str) -> Wasm {
    Wasm::file(format!(
        "{}/../../fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
}

#[test]
fn both_eras_reactor_command_and_linked_pair() {
    for options in both_ways() {
        let load =
            |modules: Vec<Wasm>| Plugin::load(Manifest::new(modules), options.clone()).unwrap();
        let mut published = load(vec![fixture("plugins/published.wasm")]);
        let mut legacy = load(vec![fixture("wat/legacy_count_vowels.wat")]);
        let mut reactor = load(vec![fixture("wat/reactor.wat")]);
        let mut command = load(vec![fixture("wat/command.wat")]);
        let mut pair = load(vec![
            fixture("wat/library.wat").with_name("library"),
            fixture("wat/uses_library.wat").with_name("main"),
        ]);
        for round in 1..=2 {
            let text = b"this is a test";
            assert_eq!(published.call("count_vowels", text).code, 0);
            let expected = format!(
                r#"{{"count":4,"total":{},"vowels":"aAeEiIoOuU"}}"#,
                4 * round
            );
            assert_eq!(published.output(), expected.as_bytes());
            assert_eq!(legacy.call("count_vowels", text).code, 0);
            assert_eq!(legacy.output(), br#"{"count": 4}"#);
            assert_eq!(reactor.call("initialized", text).code, 1);
            let outcome = command.call("_start", text);
            assert_eq!((outcome.code, outcome.status()), (14, Status::GuestExit));
            assert_eq!(command.call("_start", b"").code, 0);
            assert_eq!(pair.call("run", text).code, 28);
        }
    }
}
