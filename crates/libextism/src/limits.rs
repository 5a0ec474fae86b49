//! The limits of a plug-in as a C struct of numbers.

use extism_runtime::{LimitNumber, Limits, Status};

use crate::error::status_of;
use crate::sized::{self, Grows};
use crate::status::ExtismStatus;

/// Declares the struct of C and the ways to and from it.
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
                    $($field: limits.$limit.to_number(),)*
                }
            }
        }

        impl From<&ExtismLimits> for Limits {
            fn from(limits: &ExtismLimits) -> Limits {
                Limits {
                    $($limit: LimitNumber::from_number(limits.$field),)*
                }
            }
        }
    };
}

extism_runtime::each_limit!(limits);

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
