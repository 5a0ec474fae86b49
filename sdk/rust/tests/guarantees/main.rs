//! What every SDK guarantees, in Rust: one test each, with the names they have in all languages. Those that
//! count what is alive are in `lifetime`, a program of their own.

mod callbacks;
mod encoding;
mod threads;
mod unload;

use extism::Plugin;

/// Puts out its input.
fn echo() -> Plugin {
    Plugin::new(include_str!("../../../../fixtures/wat/echo.wat"), [], false).unwrap()
}
