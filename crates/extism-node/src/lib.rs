//! The native part of the package for Node: plug-ins for JavaScript.
//!
//! A call runs on the JavaScript thread ([`plugin`]), or on a thread of our own ([`worker`]) and
//! answers by an event ([`realm`]), so that the event loop never waits for a plug-in that was
//! called asynchronously. What JavaScript gives is read here and handed to the runtime; what the
//! runtime says goes back as a value. `sdk/node/src/native` knows the functions and the events.
//!
//! Must not know: limits, policies, texts of errors; those are the runtime's. Invariants:
//! JavaScript runs on its own thread only; a job is answered exactly once; when a JavaScript thread
//! ends, its calls are cancelled.

// The functions are known to Node alone, to which they are not given where lints look at tests.
#![cfg_attr(test, allow(dead_code, reason = "nothing calls what Node would call"))]

mod call;
mod cell;
mod compiled;
mod error;
mod function;
mod loan;
mod log;
mod memory;
mod number;
mod options;
mod plugin;
mod pool;
mod realm;
mod signature;
mod source;
mod stats;
mod window;
mod worker;
