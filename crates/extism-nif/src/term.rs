//! Terms that outlive the process they came from.
//!
//! Must not know: what they mean. Invariant: bytes of large binaries are shared with the virtual
//! machine, not copied, for as long as they are kept.

use std::sync::{Mutex, PoisonError};

use rustler::env::SavedTerm;
use rustler::{Binary, Decoder, Encoder, Env, NifResult, OwnedBinary, OwnedEnv, Term};

/// A term that is kept, and copied to wherever it is wanted.
pub(crate) struct Kept(Mutex<Saved>);

struct Saved {
    env: OwnedEnv,
    term: SavedTerm,
}

impl Saved {
    fn new(term: Term<'_>) -> Saved {
        let env = OwnedEnv::new();
        let term = env.save(term);
        Saved { env, term }
    }
}

impl Kept {
    pub(crate) fn new(term: Term<'_>) -> Kept {
        Kept(Mutex::new(Saved::new(term)))
    }

    /// A copy that lives in `env`.
    pub(crate) fn copy_to<'a>(&self, env: Env<'a>) -> Term<'a> {
        let saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        saved.env.run(|own| saved.term.load(own).in_env(env))
    }
}

impl<'a> Decoder<'a> for Kept {
    fn decode(term: Term<'a>) -> NifResult<Kept> {
        Ok(Kept::new(term))
    }
}

/// A binary that is kept.
pub(crate) struct Bytes(Saved);

impl Bytes {
    /// Shows the bytes to `read`.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        self.0.env.run(|env| {
            // It was seen to be a binary when it was saved.
            match self.0.term.load(env).decode::<Binary<'_>>() {
                Ok(binary) => read(binary.as_slice()),
                Err(_) => read(&[]),
            }
        })
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.read(<[u8]>::to_vec)
    }
}

impl<'a> Decoder<'a> for Bytes {
    fn decode(term: Term<'a>) -> NifResult<Bytes> {
        term.decode::<Binary<'a>>()?;
        Ok(Bytes(Saved::new(term)))
    }
}

/// A list. Vectors decode lists as well, but panic when one does not end as lists do.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<'a, T: Decoder<'a>> Decoder<'a> for List<T> {
    fn decode(term: Term<'a>) -> NifResult<List<T>> {
        term.list_length()?;
        term.decode().map(List)
    }
}

/// A copy of `bytes` that belongs to the virtual machine.
pub(crate) fn owned(bytes: &[u8]) -> OwnedBinary {
    let mut binary = OwnedBinary::new(bytes.len());
    binary.as_mut_slice().copy_from_slice(bytes);
    binary
}

/// A small binary, made where it is needed.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl Encoder for Text<'_> {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        owned(self.0).release(env).to_term(env)
    }
}
