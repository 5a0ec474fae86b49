//! The rules of Extism, compiled to one small Wasm file that a page loads beside the plug-in.
//!
//! The page's own engine runs plug-ins; what they may do is decided here, by the crates the native
//! runtime is made of: manifests, limits, linking, the rewriting pass, the block table of kernel memory,
//! variables, log messages and the HTTP allow-list. There is an instance of this for each plug-in, so that
//! nothing of one outlives it or disturbs another (docs/adr/0015-web-core.md).
//!
//! Must not know: JavaScript. `exports` is what a page calls, `guest` what plug-ins call without a detour
//! through the page, `page` what is asked of the page in return. Numbers travel as they are; texts and
//! bytes through `exchange`.
//!
//! Keeps: no panic for anything a page, manifest or plug-in passes in; a refusal is a status and a text.

// With the rest of the workspace the crates below have other features than a page needs.
#![cfg(target_family = "wasm")]

mod access;
mod exchange;
mod exports;
mod fields;
mod guest;
mod hop;
mod json;
mod loader;
mod module;
mod options;
mod page;
mod plugin;
