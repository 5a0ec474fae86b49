//! Limits by the names of abi/limits.toml.
//!
//! Must not know: what a limit means. Invariant: every limit of the runtime can be set; one that is new does
//! not compile until it can.

use std::time::Duration;

use anyhow::{Result, bail};
use extism_runtime::Limits;

/// A number in the form a limit has: bytes, pieces, or milliseconds.
trait Number {
    fn from_number(number: u64) -> Self;
}

impl Number for u64 {
    fn from_number(number: u64) -> u64 {
        number
    }
}

impl Number for u32 {
    fn from_number(number: u64) -> u32 {
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

impl Number for usize {
    fn from_number(number: u64) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}

impl Number for Duration {
    fn from_number(number: u64) -> Duration {
        Duration::from_millis(number)
    }
}

impl<T: Number> Number for Option<T> {
    fn from_number(number: u64) -> Option<T> {
        Some(T::from_number(number))
    }
}

macro_rules! limits {
    ($($name:ident),* $(,)?) => {
        /// The names of all limits.
        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Sets a limit; the largest number is the largest of the limit's type.
        pub(crate) fn set(limits: &mut Limits, name: &str, number: u64) -> Result<()> {
            // Names every field, so that none can be forgotten.
            let Limits { $($name),* } = limits;
            $(if name == stringify!($name) {
                *$name = Number::from_number(number);
                return Ok(());
            })*
            bail!("{name} is no limit")
        }
    };
}

limits! {
    call_time_max, memory_bytes_max, kernel_bytes_max, blocks_max, table_elements_max, instances_max,
    memories_max, tables_max, stack_bytes_max, call_depth_max, output_bytes_max, error_bytes_max,
    log_line_bytes_max, log_call_bytes_max, log_call_lines_max, vars_bytes_max, vars_count_max,
    var_name_bytes_max, http_response_bytes_max, http_header_bytes_max, http_redirects_max,
    http_requests_max, manifest_bytes_max, modules_max, module_bytes_max, download_time_max,
}
