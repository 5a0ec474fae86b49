//! Structs that begin with their own size, so that they can grow without breaking who was compiled
//! against a smaller one.
//!
//! Invariant: never more of a caller's struct is read or written than it says it has, nor more than
//! ours has.

use std::mem::MaybeUninit;

use extism_runtime::{Error, Status};

/// The largest size a caller may state: an implausible one is a sign of memory that was not
/// initialised.
const BYTES_MAX: usize = 4096;

/// A struct of C that begins with its size, an `ExtismSize`.
///
/// # Safety `#[repr(C)]`, without padding, the first field a `u64`, and every bit pattern C can put
/// there is valid for every field.
pub(crate) unsafe trait Grows: Copy {}

/// Reads a caller's struct over `default`: fields the caller does not know of keep their default.
///
/// # Safety
/// NULL, or readable for as many bytes as its first field says.
pub(crate) unsafe fn read<T: Grows>(given: *const T, default: T) -> Result<T, Error> {
    if given.is_null() {
        return Ok(default);
    }
    // SAFETY: the caller vouches for the first field at least.
    let size = checked(unsafe { given.cast::<u64>().read_unaligned() })?;
    let ours = size_of::<T>();
    let mut value = MaybeUninit::new(default);
    let bytes = given.cast::<u8>();
    // SAFETY: as many bytes as the caller says are there, at most as many as ours has; any bytes
    // make a valid `T`.
    unsafe { bytes.copy_to_nonoverlapping(value.as_mut_ptr().cast(), size.min(ours)) };
    for at in ours..size {
        // SAFETY: within the size the caller stated.
        if unsafe { bytes.add(at).read() } != 0 {
            let text =
                "the struct is newer than this library, and uses what this library does not know";
            return Err(Error::new(Status::InvalidArgument, text));
        }
    }
    // SAFETY: initialised with the default, and bytes of the caller's over it.
    Ok(unsafe { value.assume_init() })
}

/// Fills a caller's struct as far as it reaches; its size stays what the caller stated.
///
/// # Safety
/// Writable for as many bytes as its first field says.
pub(crate) unsafe fn fill<T: Grows>(wanted: *mut T, value: &T) -> Result<(), Error> {
    if wanted.is_null() {
        return Err(crate::ffi::null("struct"));
    }
    // SAFETY: the caller vouches for the first field at least.
    let size = checked(unsafe { wanted.cast::<u64>().read_unaligned() })?;
    let from = std::ptr::from_ref(value).cast::<u8>();
    let first = size_of::<u64>();
    let end = size.min(size_of::<T>());
    // SAFETY: both sides have `end` bytes, and both begin with a size, so that it is at least 8;
    // `T` has no padding.
    unsafe {
        let to = wanted.cast::<u8>().add(first);
        from.add(first)
            .copy_to_nonoverlapping(to, end.saturating_sub(first));
    };
    Ok(())
}

fn checked(size: u64) -> Result<usize, Error> {
    usize::try_from(size)
        .ok()
        .filter(|size| (size_of::<u64>()..=BYTES_MAX).contains(size))
        .filter(|size| size.is_multiple_of(size_of::<usize>()))
        .ok_or_else(|| {
            let text = format!("{size} is no size of such a struct: set `size` to sizeof before");
            Error::new(Status::InvalidArgument, text)
        })
}
