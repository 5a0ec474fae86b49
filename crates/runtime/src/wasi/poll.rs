//! Waiting for time, and for files, which are always ready here.
//!
//! wasmtime-wasi's makes a task, a buffer and two entries of a table that never shrinks for every
//! subscription, and looks at the deadline when it has made all of them. Invariant: nothing here grows with
//! what a plug-in asks for beyond [`SUBSCRIPTIONS_MAX`], and no thread waits but the one that calls.

use std::time::{Duration, Instant};

use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as preview1};
use wiggle::GuestMemory;

use super::{BAD_DESCRIPTOR, INVALID, is_open, memory_and_state, part, stop_error};
use crate::call::token::{Stop, Token};
use crate::limits::WASI_DESCRIPTORS_MAX;
use crate::state::State;

/// How much can be waited for at once: all that can be open, for reading and for writing, and clocks.
const SUBSCRIPTIONS_MAX: u32 = 4 * WASI_DESCRIPTORS_MAX;

const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;

/// Kinds of subscriptions.
const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
/// The flag of a time that is not counted from now.
const ABSOLUTE: u16 = 1;

/// Defines `poll_oneoff`.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        extism_abi::import::WASI_MODULE,
        "poll_oneoff",
        |mut cx: Caller<'_, State>, from: u32, to: u32, count: u32, count_to: u32| {
            poll(&mut cx, from, to, count, count_to)
        },
    )?;
    Ok(())
}

/// One thing that is waited for.
struct Subscription {
    userdata: [u8; 8],
    kind: u8,
    /// How long it takes; nothing for what is ready.
    left: Duration,
}

fn poll(
    cx: &mut Caller<'_, State>,
    from: u32,
    to: u32,
    count: u32,
    count_to: u32,
) -> wasmtime::Result<i32> {
    if count == 0 || count > SUBSCRIPTIONS_MAX {
        return Ok(INVALID);
    }
    let (data, state) = memory_and_state(cx)?;
    part(data, to, count * EVENT_BYTES)?;
    part(data, count_to, 4)?;
    let context = state.wasi.context();
    let mut subscriptions = Vec::with_capacity(count as usize);
    let texts = part(data, from, count * SUBSCRIPTION_BYTES)?;
    for bytes in texts.chunks_exact(SUBSCRIPTION_BYTES as usize) {
        match subscription(bytes, context)? {
            Ok(subscription) => subscriptions.push(subscription),
            Err(errno) => return Ok(errno),
        }
    }
    let first = subscriptions.iter().map(|subscription| subscription.left);
    let first = first.min().unwrap_or_default();
    if let Some(stop) = sleep(&state.token, first) {
        return Err(stop_error(stop));
    }
    let due = subscriptions
        .iter()
        .filter(|subscription| subscription.left <= first);
    let events = part(data, to, count * EVENT_BYTES)?;
    let mut happened = 0_u32;
    for (event, subscription) in events.chunks_exact_mut(EVENT_BYTES as usize).zip(due) {
        event.fill(0);
        event[..8].copy_from_slice(&subscription.userdata);
        event[10] = subscription.kind;
        // How many bytes are ready: some.
        event[16] = u8::from(subscription.kind != CLOCK);
        happened += 1;
    }
    part(data, count_to, 4)?.copy_from_slice(&happened.to_le_bytes());
    Ok(0)
}

/// Reads a subscription; an error number if there is no such thing to wait for.
fn subscription(
    bytes: &[u8],
    context: &mut WasiP1Ctx,
) -> wasmtime::Result<Result<Subscription, i32>> {
    let what = u32::from_le_bytes(field(bytes, 16));
    let kind = bytes[8];
    let left = match kind {
        CLOCK if what <= MONOTONIC => {
            let time = u64::from_le_bytes(field(bytes, 24));
            let flags = u16::from_le_bytes(field(bytes, 40));
            let now = match flags {
                0 => 0,
                ABSOLUTE => now(context, what)?,
                _ => return Ok(Err(INVALID)),
            };
            Duration::from_nanos(time.saturating_sub(now))
        }
        READ | WRITE if is_open(context, what as i32)? => Duration::ZERO,
        READ | WRITE => return Ok(Err(BAD_DESCRIPTOR)),
        _ => return Ok(Err(INVALID)),
    };
    Ok(Ok(Subscription {
        userdata: field(bytes, 0),
        kind,
        left,
    }))
}

/// Some bytes of a subscription, which has them all.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// What the plug-in's clock of that number shows, in nanoseconds.
fn now(context: &mut WasiP1Ctx, clock: u32) -> wasmtime::Result<u64> {
    debug_assert!([REALTIME, MONOTONIC].contains(&clock));
    let mut time = [0; 8];
    let mut memory = GuestMemory::Unshared(&mut time);
    preview1::clock_time_get(context, &mut memory, clock as i32, 0, 0)?;
    Ok(u64::from_le_bytes(time))
}

/// Waits so long, or until the call has to stop.
fn sleep(token: &Token, time: Duration) -> Option<Stop> {
    // Longer than a clock can say is for ever.
    let end = Instant::now().checked_add(time);
    while end.is_none_or(|end| Instant::now() < end) {
        if let Some(stop) = token.park(end) {
            return Some(stop);
        }
    }
    None
}
