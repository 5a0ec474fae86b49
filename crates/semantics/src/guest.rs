//! The builtins a plug-in imports: config, variables and logging. They take handles of kernel memory,
//! free what they were given, and answer with new blocks.
//!
//! Must not know: how an engine reaches kernel memory; [`Guest`] does. Keeps: a handle that names no
//! block ends the call with a message that says which argument it was.

use extism_abi::Status;
use extism_kernel::{Kernel, Range, Refused};

use crate::{Fault, Level, Vars};

/// What a plug-in keeps that its builtins read and write.
pub trait Facilities {
    /// Its blocks.
    fn kernel(&self) -> &Kernel;
    /// What is configured under a key.
    fn config(&self, key: &str) -> Option<&[u8]>;
    /// How many bytes the longest key has that anything is configured under.
    fn config_key_bytes(&self) -> usize;
    /// Its variables.
    fn vars(&self) -> &Vars;
    /// Its variables, to change.
    fn vars_mut(&mut self) -> &mut Vars;
    /// The lowest level anybody listens to, in the numbers plug-ins know.
    fn log_level(&self) -> i32;
    /// Delivers a message.
    fn log(&mut self, level: Level, message: &[u8]);
}

/// The plug-in that is calling a builtin.
pub trait Guest {
    /// What it keeps.
    type Facilities: Facilities;
    /// What ends its call.
    type Error: From<Fault>;

    /// What it keeps.
    fn facilities(&self) -> &Self::Facilities;

    /// The same, to change.
    fn facilities_mut(&mut self) -> &mut Self::Facilities;

    /// Frees a block, and tells rewritten modules if it was the input.
    ///
    /// # Errors
    /// If there is no kernel memory.
    fn free(&mut self, handle: u64) -> Result<(), Self::Error>;

    /// Shows the bytes of a range; none where it is not inside of kernel memory.
    ///
    /// # Errors
    /// If there is no kernel memory.
    fn read<R>(
        &mut self,
        range: Range,
        read: impl FnOnce(&mut Self::Facilities, &[u8]) -> R,
    ) -> Result<R, Self::Error>;

    /// A new block with the bytes that `find` finds; 0 if it finds none, or no bytes.
    ///
    /// # Errors
    /// When the limits do not allow the block.
    fn give_found(
        &mut self,
        find: impl Fn(&Self::Facilities) -> Option<&[u8]>,
    ) -> Result<u64, Self::Error>;

    /// The block a handle names, for the argument called `what`. 0 is the empty block; a block of no
    /// bytes does not exist.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`].
    fn block(&self, handle: u64, what: &str) -> Result<Range, Fault> {
        let length = self.facilities().kernel().length(handle);
        if handle != 0 && length == 0 {
            let text = format!("invalid handle offset for {what}: {handle}");
            return Err(Fault::new(Status::BadKernelHandle, text));
        }
        Ok(Range {
            offset: handle,
            length,
        })
    }

    /// Takes the bytes of a block and frees it.
    ///
    /// # Errors
    /// As [`Guest::block`].
    fn take(&mut self, handle: u64, what: &str) -> Result<Vec<u8>, Self::Error> {
        let range = self.block(handle, what)?;
        let bytes = match range.length {
            0 => Vec::new(),
            _ => self.read(range, |_, bytes| copied(bytes))??,
        };
        self.free(handle)?;
        Ok(bytes)
    }

    /// As [`Guest::take`], for text.
    ///
    /// # Errors
    /// As [`Guest::take`]; [`Status::InvalidUtf8`].
    fn take_text(&mut self, handle: u64, what: &str) -> Result<String, Self::Error> {
        let bytes = self.take(handle, what)?;
        String::from_utf8(bytes).map_err(|error| {
            let text = format!("{what} is not UTF-8");
            Fault::new(Status::InvalidUtf8, text).because(error).into()
        })
    }

    /// As [`Guest::take_text`], for a name that is looked for among others; `None` if it is longer than all
    /// of them. Nobody copies gigabytes to find nothing.
    ///
    /// # Errors
    /// As [`Guest::take_text`].
    fn take_name(
        &mut self,
        handle: u64,
        what: &str,
        longest_bytes: impl Fn(&Self::Facilities) -> usize,
    ) -> Result<Option<String>, Self::Error> {
        let length = self.block(handle, what)?.length;
        if length > NAME_BYTES && length > longest_bytes(self.facilities()) as u64 {
            self.free(handle)?;
            return Ok(None);
        }
        self.take_text(handle, what).map(Some)
    }

    /// `config_get`: the value under a key, or 0.
    ///
    /// # Errors
    /// As [`Guest::take_text`] and [`Guest::give_found`].
    fn config_get(&mut self, key: u64) -> Result<u64, Self::Error> {
        match self.take_name(key, "config key", Facilities::config_key_bytes)? {
            Some(key) => self.give_found(|facilities| facilities.config(&key)),
            None => Ok(0),
        }
    }

    /// `var_get`: a copy of the value under a name, or 0.
    ///
    /// # Errors
    /// As [`Guest::take_text`] and [`Guest::give_found`].
    fn var_get(&mut self, name: u64) -> Result<u64, Self::Error> {
        match self.take_name(name, "var key", |facilities| facilities.vars().name_bytes())? {
            Some(name) => self.give_found(|facilities| facilities.vars().get(&name)),
            None => Ok(0),
        }
    }

    /// `var_set`: sets the value under a name; the value 0 removes it.
    ///
    /// # Errors
    /// As [`Guest::take_text`]; [`Status::VarsDisabled`], [`Status::Vars`].
    fn var_set(&mut self, name: u64, value: u64) -> Result<(), Self::Error> {
        if !self.facilities().vars().enabled() {
            let text = "Vars are disabled by this host";
            return Err(Fault::new(Status::VarsDisabled, text).into());
        }
        let value_block = self.block(value, "var value")?;
        if value == 0 {
            let longest_bytes = |facilities: &Self::Facilities| facilities.vars().name_bytes();
            if let Some(name) = self.take_name(name, "var key", longest_bytes)? {
                self.facilities_mut().vars_mut().remove(&name);
            }
            return Ok(());
        }
        let name_bytes = self.block(name, "var key")?.length;
        self.facilities().vars().check_name(name_bytes)?;
        let name = self.take_text(name, "var key")?;
        self.read(value_block, |facilities, bytes| {
            facilities.vars_mut().set(&name, bytes)
        })??;
        self.free(value)
    }

    /// `log_*`: delivers a message, unless nobody listens at this level; frees it either way.
    ///
    /// # Errors
    /// As [`Guest::block`].
    fn log(&mut self, level: Level, message: u64) -> Result<(), Self::Error> {
        if level as i32 >= self.facilities().log_level() {
            let range = self.block(message, "log message")?;
            self.read(range, |facilities, bytes| facilities.log(level, bytes))?;
        }
        self.free(message)
    }
}

/// Names up to this are copied without a look at how long the longest is.
const NAME_BYTES: u64 = 4096;

/// A copy of bytes whose number a guest has chosen: for those there may be no memory.
pub(crate) fn copied(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|error| Fault::no_memory(&error, bytes.len()))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// What a call that ends because a block was refused is told.
pub fn refusal_text(refused: Refused) -> &'static str {
    match refused {
        Refused::Memory | Refused::Bytes => "oom",
        Refused::Blocks => "too many kernel memory blocks",
    }
}
