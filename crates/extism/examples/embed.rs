//! The example of README.md, to the letter below this line. Run it at the root of the repository.

use extism::{Manifest, Plugin, Wasm};

fn main() -> Result<(), extism::Error> {
    let manifest = Manifest::new([Wasm::file("examples/plugins/count_vowels.wasm")]);
    let mut plugin = Plugin::new(&manifest, [], false)?;
    let report: String = plugin.call("count_vowels", "this is a test")?;
    println!("{report}");
    Ok(())
}
