//! The Rust surface through its public interface: what programs written for 1.41 do, and what is new.

mod allocations;
mod calls;
mod compat;
mod functions;
mod host_data;
mod http;
mod limits;
mod loading;
mod logging;
mod macros;
mod pool;
mod readme;
mod state;
mod support;
mod wasi;
