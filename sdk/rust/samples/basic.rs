//! Loads a plug-in, calls it twice, and shows what an error looks like. Run it at the root of the repository.

// snippet: basic
use extism::{Error, ErrorExt, Manifest, Plugin, Wasm};

fn main() -> Result<(), Error> {
    let manifest = Manifest::new([Wasm::file("examples/plugins/count_vowels.wasm")]);
    let mut plugin = Plugin::new(&manifest, [], false)?;
    for text in ["this is a test", "Hello, World!"] {
        let report: &str = plugin.call("count_vowels", text)?;
        println!("{report}");
    }

    if let Err(error) = plugin.call::<_, ()>("no_such_function", "") {
        let status = error.status().map_or("no status", |status| status.name());
        println!("{status}: {error}");
    }
    Ok(())
}
// end snippet
