//! What the core asks of the page: bytes of kernel memory, growth of it, its parser of URLs, and to end
//! the plug-in's call.
//!
//! Must not know: why. This is one of two files with `unsafe`, for what only the page can answer.
//!
//! Keeps: nothing of the core is borrowed while the page is asked, except where it says that the page does
//! not call back.

use extism_policy::page::Parser;
use extism_policy::url::Url;

use crate::exchange;

mod imported {
    #[link(wasm_import_module = "page")]
    unsafe extern "C" {
        pub(super) fn fail() -> !;
        pub(super) fn log(level: u32);
        pub(super) fn variable();
        pub(super) fn read(offset: u32, to: *mut u8, length: u32);
        pub(super) fn write(offset: u32, from: *const u8, length: u32);
        pub(super) fn wipe();
        pub(super) fn grow(pages: u32) -> u32;
        pub(super) fn load_cell(address: u32) -> f64;
        pub(super) fn store_cell(address: u32, value: f64);
        pub(super) fn parse_host(text: *const u8, length: u32) -> u32;
        pub(super) fn parse_url(
            text: *const u8,
            length: u32,
            base: *const u8,
            base_length: u32,
        ) -> u32;
    }
}

/// Ends the running call of the plug-in with the fault that was left in the exchange.
pub(crate) fn fail() -> ! {
    // SAFETY: the page throws through the plug-in's frames. Nothing is borrowed or owned by the frame that
    // calls this, and the page puts the stack pointer back.
    unsafe { imported::fail() }
}

/// Delivers the log message that was left in the exchange. The page may call back.
pub(crate) fn log(level: i32) {
    // SAFETY: a call of the page with a number.
    unsafe { imported::log(level.cast_unsigned()) }
}

/// Tells the page that the variable that was left in the exchange has changed.
pub(crate) fn variable() {
    // SAFETY: a call of the page.
    unsafe { imported::variable() }
}

/// Copies bytes out of kernel memory; the page does not call back.
pub(crate) fn read(offset: u32, to: &mut [u8]) {
    // SAFETY: the page writes exactly that many bytes, all of them behind the pointer.
    unsafe { imported::read(offset, to.as_mut_ptr(), to.len() as u32) }
}

/// Copies bytes into kernel memory; the page does not call back.
pub(crate) fn write(offset: u32, from: &[u8]) {
    // SAFETY: the page reads exactly that many bytes behind the pointer.
    unsafe { imported::write(offset, from.as_ptr(), from.len() as u32) }
}

/// Overwrites all of kernel memory with zeros, but the cells that say what memories may grow by; the page
/// does not call back.
pub(crate) fn wipe() {
    // SAFETY: a call of the page.
    unsafe { imported::wipe() }
}

/// Grows kernel memory; the page does not call back.
pub(crate) fn grow(pages: u32) -> bool {
    // SAFETY: a call of the page with a number.
    unsafe { imported::grow(pages) == 1 }
}

/// A cell below the first handle; the page does not call back.
pub(crate) fn load_cell(address: u64) -> u64 {
    // SAFETY: a call of the page with a number.
    let value = unsafe { imported::load_cell(address as u32) };
    // Cells hold whole numbers that are 0 or more; larger ones than a page can say are "all there is".
    value as u64
}

/// Sets a cell below the first handle; the page does not call back.
pub(crate) fn store_cell(address: u64, value: u64) {
    // SAFETY: a call of the page with numbers.
    unsafe { imported::store_cell(address as u32, value as f64) }
}

/// The page's parser of URLs, for the policy.
pub(crate) fn parser() -> Parser {
    Parser {
        host: parse_host,
        url: parse_url,
    }
}

fn parse_host(text: &str) -> Option<String> {
    // SAFETY: the page reads that many bytes behind the pointer, and writes to the exchange alone.
    let found = unsafe { imported::parse_host(text.as_ptr(), text.len() as u32) };
    (found == 1).then(exchange::take_text)
}

/// The page leaves the parts on lines of their own: all of it, the same without a user, scheme, host, port.
fn parse_url(text: &str, base: Option<&str>) -> Option<Url> {
    let base = base.unwrap_or_default();
    // SAFETY: as above, for two texts.
    let found = unsafe {
        imported::parse_url(
            text.as_ptr(),
            text.len() as u32,
            base.as_ptr(),
            base.len() as u32,
        )
    };
    if found != 1 {
        return None;
    }
    let answer = exchange::take_text();
    let mut lines = answer.split('\n').map(str::to_owned);
    Some(Url {
        href: lines.next()?,
        shown: lines.next()?,
        scheme: lines.next()?,
        host: lines.next()?,
        port: lines.next()?.parse().ok(),
    })
}
