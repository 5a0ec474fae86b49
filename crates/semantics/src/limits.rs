//! Every bound of a plug-in, with its unit and its default.
//!
//! Nothing else in this crate or the runtime contains a magic number. A manifest may ask for less than
//! the limits allow, never for more: the limits are the host's ceiling.

use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The variables a plug-in may store when its manifest does not say, in bytes.
pub const VARS_BYTES_DEFAULT: u64 = MIB;

/// The HTTP response body a plug-in may receive when its manifest does not say, in bytes.
pub const HTTP_RESPONSE_BYTES_DEFAULT: u64 = 50 * MIB;

/// What a variable costs beside the bytes of its name and value.
pub const VAR_OVERHEAD_BYTES: u64 = 48;

/// How many files and folders a plug-in with WASI may have open at the same time, beside those it
/// was given: a process has only so many, for all of its plug-ins and itself.
pub const WASI_DESCRIPTORS_MAX: u32 = 256;

/// The bounds within which a plug-in is loaded and called.
///
/// [`Limits::default`] does not restrict what honest plug-ins of the published system do: no time
/// limit, memory as the modules declare it. [`Limits::untrusted`] is the tight table for code
/// nobody has read.
///
/// ```
/// use extism_semantics::Limits;
///
/// let limits = Limits {
///     memory_bytes_max: Some(64 << 20),
///     ..Limits::untrusted()
/// };
/// assert!(limits.call_time_max.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest a call may take, initialisation, host functions, HTTP and WASI included. `None`: no limit.
    pub call_time_max: Option<Duration>,
    /// All linear memories of the plug-in together, kernel memory included, in bytes. `None`: what
    /// they declare.
    pub memory_bytes_max: Option<u64>,
    /// Kernel memory alone (input, output, blocks), in bytes; at most 4 GiB.
    pub kernel_bytes_max: u64,
    /// Kernel memory blocks alive at the same time.
    pub blocks_max: u32,
    /// Elements of all tables together.
    pub table_elements_max: u64,
    /// Module instances in one plug-in.
    pub instances_max: usize,
    /// Linear memories in one plug-in, the kernel's included.
    pub memories_max: usize,
    /// Tables in one plug-in.
    pub tables_max: usize,
    /// The Wasm call stack, in bytes.
    pub stack_bytes_max: usize,
    /// Plug-ins calling, or making, each other through host functions: how deep.
    pub call_depth_max: u32,
    /// The output of a call, in bytes.
    pub output_bytes_max: u64,
    /// The error message of a call, in bytes; longer ones are cut.
    pub error_bytes_max: u64,
    /// One log message, in bytes; longer ones are cut.
    pub log_line_bytes_max: u64,
    /// All log messages of one call, in bytes as they are written; what comes after is dropped and counted.
    pub log_call_bytes_max: u64,
    /// Log messages in one call; what comes after is dropped and counted.
    pub log_call_lines_max: u64,
    /// All variables together, names and [`VAR_OVERHEAD_BYTES`] each included, in bytes.
    pub vars_bytes_max: u64,
    /// Variables alive at the same time.
    pub vars_count_max: usize,
    /// The name of a variable, in bytes.
    pub var_name_bytes_max: u64,
    /// The body of an HTTP response after decoding, in bytes.
    pub http_response_bytes_max: u64,
    /// The headers of an HTTP response, in bytes.
    pub http_header_bytes_max: u64,
    /// Redirects followed for one HTTP request.
    pub http_redirects_max: u32,
    /// HTTP requests in one call.
    pub http_requests_max: u32,
    /// A manifest, in bytes. Modules given inline count.
    pub manifest_bytes_max: u64,
    /// Modules named by one manifest.
    pub modules_max: usize,
    /// One module, in bytes.
    pub module_bytes_max: u64,
    /// The download of one module.
    pub download_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            call_time_max: None,
            memory_bytes_max: None,
            kernel_bytes_max: 4 * GIB,
            blocks_max: 1_000_000,
            table_elements_max: 10_000_000,
            instances_max: 1_000,
            memories_max: 1_000,
            tables_max: 1_000,
            stack_bytes_max: 512 * KIB as usize,
            call_depth_max: 8,
            output_bytes_max: 4 * GIB,
            error_bytes_max: MIB,
            log_line_bytes_max: MIB,
            log_call_bytes_max: 64 * MIB,
            log_call_lines_max: 100_000,
            vars_bytes_max: u64::MAX,
            vars_count_max: 1_000_000,
            var_name_bytes_max: MIB,
            http_response_bytes_max: u64::MAX,
            http_header_bytes_max: MIB,
            http_redirects_max: 10,
            http_requests_max: u32::MAX,
            manifest_bytes_max: GIB,
            modules_max: 1_000,
            module_bytes_max: GIB,
            download_time_max: Duration::from_secs(300),
        }
    }
}

impl Limits {
    /// The table for code nobody has read.
    pub fn untrusted() -> Limits {
        Limits {
            call_time_max: Some(Duration::from_secs(30)),
            memory_bytes_max: Some(256 * MIB),
            kernel_bytes_max: 64 * MIB,
            blocks_max: 100_000,
            table_elements_max: 1_000_000,
            instances_max: 32,
            memories_max: 32,
            tables_max: 32,
            output_bytes_max: 64 * MIB,
            error_bytes_max: 64 * KIB,
            log_line_bytes_max: 8 * KIB,
            log_call_bytes_max: MIB,
            log_call_lines_max: 10_000,
            vars_bytes_max: MIB,
            vars_count_max: 10_000,
            var_name_bytes_max: 4 * KIB,
            http_response_bytes_max: 50 * MIB,
            http_header_bytes_max: 64 * KIB,
            http_redirects_max: 5,
            http_requests_max: 1_000,
            manifest_bytes_max: 64 * MIB,
            modules_max: 16,
            module_bytes_max: 64 * MIB,
            download_time_max: Duration::from_secs(60),
            ..Limits::default()
        }
    }
}

/// A limit as a whole number, the way hosts of other languages hand it over: `u64::MAX` stands for "no
/// limit", times are in milliseconds.
pub trait LimitNumber {
    /// The limit of this number; the largest there is if the number is larger.
    fn from_number(number: u64) -> Self;
    /// Its number.
    fn to_number(&self) -> u64;
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl LimitNumber for $ty {
            fn from_number(number: u64) -> $ty {
                <$ty>::try_from(number).unwrap_or(<$ty>::MAX)
            }

            fn to_number(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        }
    )*};
}

numbers!(u32, u64, usize);

impl LimitNumber for Duration {
    fn from_number(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn to_number(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
}

impl<T: LimitNumber> LimitNumber for Option<T> {
    fn from_number(number: u64) -> Option<T> {
        (number != u64::MAX).then(|| T::from_number(number))
    }

    fn to_number(&self) -> u64 {
        self.as_ref().map_or(u64::MAX, LimitNumber::to_number)
    }
}

/// Hands every limit to a macro, as `name => field,`: its name where it is a number, which is that of
/// `ExtismLimits` in C, and its field in [`Limits`].
#[macro_export]
macro_rules! each_limit {
    ($with:ident) => {
        $with! {
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
    };
}

macro_rules! named {
    ($($name:ident => $limit:ident,)*) => {
        impl Limits {
            /// Sets the limit of this name, for hosts that hand limits over by name. Names, units and
            /// "no limit" are those of `ExtismLimits` in C. False if there is no such limit.
            pub fn set(&mut self, name: &str, number: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$limit = LimitNumber::from_number(number),)*
                    _ => return false,
                }
                true
            }
        }
    };
}

each_limit!(named);
