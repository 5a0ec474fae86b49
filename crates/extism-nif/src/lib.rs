//! The native part of the Elixir and Erlang packages: plug-ins for processes of the Erlang virtual machine.
//!
//! A call runs on a thread of our own ([`worker`]) and answers its process by message ([`call`]), so
//! no scheduler ever waits for a plug-in. What comes as a term is read here and handed to the
//! runtime; what the runtime says goes back as a term. The Erlang modules in `sdk/erlang/src`
//! know the messages.
//!
//! Must not know: limits, policies, texts of errors; those are the runtime's. Invariants: a call is
//! answered exactly once, whatever becomes of it; the death of a process ends its call; nothing
//! that takes long is done, or dropped, on a scheduler.

mod arena;
mod call;
mod canceller;
mod cell;
mod compiled;
mod error;
mod function;
mod janitor;
mod log;
mod options;
mod plugin;
mod pool;
mod priority;
mod request;
mod source;
mod stats;
mod term;
mod turn;
mod value;
mod worker;

rustler::init!("extism_nif");
