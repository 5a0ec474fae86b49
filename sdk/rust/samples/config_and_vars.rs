//! Configures a plug-in, and reads and writes the variables it keeps between calls. Run it at the root of the
//! repository.

use extism::{Error, Manifest, Plugin, Wasm};

fn main() -> Result<(), Error> {
    // snippet: config_and_vars
    let manifest = Manifest::new([Wasm::file("examples/plugins/count_vowels.wasm")])
        .with_config_key("vowels", "aeiouyAEIOUY");
    let mut plugin = Plugin::new(&manifest, [], false)?;
    println!(
        "{}",
        plugin.call::<_, &str>("count_vowels", "Yellow, World!")?
    );
    plugin.set_config("vowels", "o");
    println!(
        "{}",
        plugin.call::<_, &str>("count_vowels", "Yellow, World!")?
    );

    // The plug-in keeps its total in a variable of four bytes, the lowest first.
    println!("total: {:?}", plugin.vars().get("total"));
    plugin
        .vars_mut()
        .insert("total".into(), 100_u32.to_le_bytes().into());
    plugin.remove_config("vowels");
    println!(
        "{}",
        plugin.call::<_, &str>("count_vowels", "Yellow, World!")?
    );

    plugin.vars_mut().remove("total");
    println!(
        "{}",
        plugin.call::<_, &str>("count_vowels", "Yellow, World!")?
    );
    // end snippet
    Ok(())
}
