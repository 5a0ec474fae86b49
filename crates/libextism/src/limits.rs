//! The limits of a plug-in as a C struct of numbers.

use std::time::Duration;

use extism_runtime::{Limits, Status};

use crate::error::status_of;
use crate::sized::{self, Grows};
use crate::status::ExtismStatus;

/// The number of a limit that does not limit.
const UNLIMITED: u64 = u64::MAX;

/// A limit as it crosses the boundary.
trait Bound {
    fn to_c(&self) -> u64;
    fn from_c(number: u64) -> Self;
}

macro_rules! bounds {
    ($($ty:ty),*) => {$(
        impl Bound for $ty {
            fn to_c(&self) -> u64 {
                u64::try_from(*self).unwrap_or(UNLIMITED)
            }

            fn from_c(number: u64) -> $ty {
                <$ty>::try_from(number).unwrap_or(<$ty>::MAX)
            }
        }
    )*};
}

bounds!(u32, u64, usize);

impl Bound for Duration {
    fn to_c(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(UNLIMITED)
    }

    fn from_c(number: u64) -> Duration {
        Duration::from_millis(number)
    }
}

impl<T: Bound> Bound for Option<T> {
    fn to_c(&self) -> u64 {
        self.as_ref().map_or(UNLIMITED, Bound::to_c)
    }

    fn from_c(number: u64) -> Option<T> {
        (number != UNLIMITED).then(|| T::from_c(number))
    }
}

/// Declares the struct of C and the ways to and from it. A field with a unit of its own names the
/// limit it stands for.
macro_rules! limits {
    ($($field:ident => $limit:ident,)*) => {
        /// Every bound of a plug-in; `size` first.
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct ExtismLimits {
            size: u64,
            $($field: u64,)*
        }

        impl From<&Limits> for ExtismLimits {
            fn from(limits: &Limits) -> ExtismLimits {
                ExtismLimits {
                    size: size_of::<ExtismLimits>() as u64,
                    $($field: limits.$limit.to_c(),)*
                }
            }
        }

        impl From<&ExtismLimits> for Limits {
            fn from(limits: &ExtismLimits) -> Limits {
                Limits {
                    $($limit: Bound::from_c(limits.$field),)*
                }
            }
        }
    };
}

limits! {
    call_time_ms_max => call_time_max,
    memory_bytes_max => memory_bytes_max,
    kernel_bytes_max => kernel_bytes_max,
    blocks_max => blocks_max,
    table_elements_max => table_elements_max,
    instances_max => instances_max,
    memories_max => memories_max,
    tables_max => tables_max,
    stack_bytes_max => stack_bytes_max,
    call_depth_max => call_depth_max,
    output_bytes_max => output_bytes_max,
    error_bytes_max => error_bytes_max,
    log_line_bytes_max => log_line_bytes_max,
    log_call_bytes_max => log_call_bytes_max,
    log_call_lines_max => log_call_lines_max,
    vars_bytes_max => vars_bytes_max,
    vars_count_max => vars_count_max,
    var_name_bytes_max => var_name_bytes_max,
    http_response_bytes_max => http_response_bytes_max,
    http_header_bytes_max => http_header_bytes_max,
    http_redirects_max => http_redirects_max,
    http_requests_max => http_requests_max,
    manifest_bytes_max => manifest_bytes_max,
    modules_max => modules_max,
    module_bytes_max => module_bytes_max,
    download_time_ms_max => download_time_max,
}

// SAFETY: nothing but u64, the first of them the size.
unsafe impl Grows for ExtismLimits {}

/// Fills `limits` with those for plug-ins that are trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_limits_default(limits: *mut ExtismLimits) -> ExtismStatus {
    boundary!(extism_limits_default, Status::Panic.code(), {
        let value = ExtismLimits::from(&Limits::default());
        // SAFETY: the caller passes NULL or a struct of the size it states.
        status_of(&unsafe { sized::fill(limits, &value) }).code()
    })
}

/// Fills `limits` with those for plug-ins nobody has read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_limits_untrusted(limits: *mut ExtismLimits) -> ExtismStatus {
    boundary!(extism_limits_untrusted, Status::Panic.code(), {
        let value = ExtismLimits::from(&Limits::untrusted());
        // SAFETY: the caller passes NULL or a struct of the size it states.
        status_of(&unsafe { sized::fill(limits, &value) }).code()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_survives_the_way_there_and_back() {
        for limits in [Limits::default(), Limits::untrusted()] {
            assert_eq!(Limits::from(&ExtismLimits::from(&limits)), limits);
        }
    }
}
