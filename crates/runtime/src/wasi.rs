//! WASI preview 1, by wasmtime-wasi, for plug-ins the host grants it to.
//!
//! Nothing is granted but what the host says: no arguments, no environment, no input, output thrown
//! away, only the folders of `allowed_paths`. Invariant: no WASI call outlasts the plug-in's
//! deadline or a cancel, none depends on (or blocks) an async runtime of the host (calls that may
//! wait are driven here, on the calling thread), and no plug-in takes all the files that a process
//! may have open, or all the threads that files are waited for on.

mod folders;
mod output;
mod pieces;
mod poll;
mod signals;
mod threads;

pub(crate) use folders::Folders;
pub(crate) use threads::Threads;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use wasmtime::{AsContextMut, Caller, Extern, Linker};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p1::{self, WasiP1Ctx, wasi_snapshot_preview1 as preview1};
use wasmtime_wasi::{I32Exit, WasiCtxBuilder};
use wiggle::{GuestError, GuestMemory, Region};

use crate::Status;
use crate::call::outcome::stopped;
use crate::call::token::{Stop, Token};
use crate::error::Error;
use crate::host::function::panic_text;
use crate::limits::WASI_DESCRIPTORS_MAX;
use crate::state::State;
use output::Output;
use pieces::Pieces;
use threads::{Lane, Waits};

/// What a plug-in with WASI is given.
#[derive(Default)]
pub(crate) struct WasiOptions {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) folders: Folders,
    /// Whether standard output and error go to those of the process.
    pub(crate) output: bool,
    /// Where all instances of the plug-in wait.
    pub(crate) threads: Threads,
}

/// The WASI side of one plug-in, made when it is first needed.
pub(crate) struct Wasi {
    options: Arc<WasiOptions>,
    open: Open,
    /// Only ever reached through `&mut`: the lock is there because the context is not `Sync` and
    /// plug-ins are.
    context: Mutex<Option<Box<WasiP1Ctx>>>,
}

impl Wasi {
    pub(crate) fn new(options: Arc<WasiOptions>) -> Wasi {
        Wasi {
            options,
            open: Open(0),
            context: Mutex::new(None),
        }
    }

    /// Opens the folders of `allowed_paths`, so that a missing one is known when the plug-in is created.
    pub(crate) fn open(&self) -> Result<(), Error> {
        self.options.folders.open()
    }

    /// Closes everything that is open. A call that was given up leaves what it made, files among it, in a
    /// table that nobody can clear; the next one begins with what the plug-in had from the start.
    #[cold]
    fn forget(&mut self) {
        *self = Wasi::new(Arc::clone(&self.options));
    }

    #[inline]
    fn context(&mut self) -> &mut WasiP1Ctx {
        self.parts().context
    }

    #[inline]
    fn parts(&mut self) -> Parts<'_> {
        let options = &self.options;
        let slot = self
            .context
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let context = slot.get_or_insert_with(|| Box::new(context(options)));
        Parts {
            open: &mut self.open,
            threads: &options.threads,
            context,
        }
    }
}

/// What a WASI call needs.
struct Parts<'a> {
    open: &'a mut Open,
    threads: &'a Threads,
    context: &'a mut WasiP1Ctx,
}

/// How many files and folders a plug-in has opened and not closed.
struct Open(u32);

impl Open {
    /// What has this effect is about to be done. False if the plug-in may not.
    fn begin(&mut self, effect: Effect) -> bool {
        if effect == Effect::Opens {
            if self.0 == WASI_DESCRIPTORS_MAX {
                return false;
            }
            self.0 += 1;
        }
        true
    }

    /// It has ended. What the plug-in had from the start may be closed, too.
    fn end(&mut self, effect: Effect, end: End) {
        match (effect, end) {
            (Effect::Opens, End::Refused) | (Effect::Closes, End::Done) => {
                self.0 = self.0.saturating_sub(1);
            }
            // A trap may come of a file that is open already: its number could not be written to where
            // the plug-in wanted it, and nobody will ever close it.
            (Effect::Opens, End::Done | End::Trapped)
            | (Effect::Closes, End::Refused | End::Trapped)
            | (Effect::None, _) => {}
        }
    }
}

fn context(options: &WasiOptions) -> WasiP1Ctx {
    let mut builder = WasiCtxBuilder::new();
    builder.args(&options.args).envs(&options.env);
    if options.output {
        builder.stdout(Output::Stdout).stderr(Output::Stderr);
    }
    let mut context = builder.build_p1();
    *context.filesystem().ctx = options.folders.opened();
    context
}

/// Defines WASI preview 1 in `linker`.
pub(crate) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    p1::add_to_linker_sync(linker, |state: &mut State| state.wasi.context())?;
    linker.allow_shadowing(true);
    interruptible(linker)?;
    poll::define(linker)?;
    exit_with_any_code(linker)?;
    no_sockets(linker)?;
    random_in_pieces(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Replaces the function that ends a plug-in: wasmtime-wasi's takes a code above 125 for a fault of
/// the program, since shells use those for signals.
fn exit_with_any_code(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let exit = |code: i32| -> wasmtime::Result<()> { Err(I32Exit(code).into()) };
    linker.func_wrap(extism_abi::import::WASI_MODULE, "proc_exit", exit)?;
    Ok(())
}

/// Replaces the functions for sockets, of which there are none: wasmtime-wasi's warn at every call, and so
/// would let a plug-in fill the log of the process.
fn no_sockets(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let module = extism_abi::import::WASI_MODULE;
    type Cx<'a> = Caller<'a, State>;
    linker.func_wrap(
        module,
        "sock_accept",
        |mut cx: Cx<'_>, fd: i32, _: i32, _: i32| no_socket(&mut cx, fd),
    )?;
    linker.func_wrap(
        module,
        "sock_recv",
        |mut cx: Cx<'_>, fd: i32, _: i32, _: i32, _: i32, _: i32, _: i32| no_socket(&mut cx, fd),
    )?;
    linker.func_wrap(
        module,
        "sock_send",
        |mut cx: Cx<'_>, fd: i32, _: i32, _: i32, _: i32, _: i32| no_socket(&mut cx, fd),
    )?;
    linker.func_wrap(
        module,
        "sock_shutdown",
        |mut cx: Cx<'_>, fd: i32, _: i32| no_socket(&mut cx, fd),
    )?;
    Ok(())
}

/// The error of whoever takes `fd` for a socket.
fn no_socket(cx: &mut Caller<'_, State>, fd: i32) -> wasmtime::Result<i32> {
    match is_open(cx.data_mut().wasi.context(), fd)? {
        true => Ok(NO_SOCKET),
        false => Ok(BAD_DESCRIPTOR),
    }
}

/// Whether there is such a descriptor.
fn is_open(context: &mut WasiP1Ctx, fd: i32) -> wasmtime::Result<bool> {
    // The name of a folder into no bytes tells, and does nothing.
    let mut nothing = GuestMemory::Unshared(&mut []);
    let errno = preview1::fd_prestat_dir_name(context, &mut nothing, fd, 0, 0)?;
    Ok(errno != BAD_DESCRIPTOR)
}

/// WASI's error numbers `badf`, `inval`, `nametoolong` and `notsock`.
const BAD_DESCRIPTOR: i32 = 8;
const INVALID: i32 = 28;
const NAME_TOO_LONG: i32 = 37;
const NO_SOCKET: i32 = 57;

/// Replaces the function for random bytes: wasmtime-wasi's makes all of them, as many as 64 MiB, on the
/// host's side before it looks whether the plug-in has that much memory.
fn random_in_pieces(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        extism_abi::import::WASI_MODULE,
        "random_get",
        |mut cx: Caller<'_, State>, start: u32, len: u32| -> wasmtime::Result<i32> {
            let (data, state) = memory_and_state(&mut cx)?;
            let bytes = part(data, start, len)?;
            let context = state.wasi.context();
            for piece in bytes.chunks_mut(RANDOM_PIECE_BYTES) {
                if let Some(stop) = state.token.stop() {
                    return Err(stop_error(stop));
                }
                let piece_len = piece.len() as i32;
                let mut guest = GuestMemory::Unshared(piece);
                preview1::random_get(context, &mut guest, 0, piece_len)?;
            }
            Ok(0)
        },
    )?;
    Ok(())
}

/// How many random bytes are made before a look whether the call has to stop.
const RANDOM_PIECE_BYTES: usize = 64 * 1024;

/// What a WASI call that succeeds does to the number of open files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Opens,
    Closes,
}

impl Effect {
    fn of(name: &str, args: &[i64]) -> Effect {
        match (name, args) {
            ("path_open", _) => Effect::Opens,
            ("fd_close", _) => Effect::Closes,
            // What already has the number keeps it, and nothing else had it.
            ("fd_renumber", [from, to]) if from != to => Effect::Closes,
            _ => Effect::None,
        }
    }
}

/// How a WASI call ended.
#[derive(Clone, Copy)]
enum End {
    Done,
    /// With an error number, or before anything was done.
    Refused,
    Trapped,
}

impl End {
    fn of(done: &wasmtime::Result<wasmtime::Result<i32>>) -> End {
        match done {
            Ok(Ok(0)) => End::Done,
            Ok(Err(_)) => End::Trapped,
            Ok(Ok(_)) | Err(_) => End::Refused,
        }
    }
}

/// WASI's error numbers `mfile` and `again`.
const TOO_MANY_OPEN: i32 = 33;
const TRY_AGAIN: i32 = 6;

/// How long a path may be, in bytes, and in how many pieces bytes are read or written: what is more is
/// copied, or gone through, without a look at the time.
const PATH_BYTES_MAX: i64 = 64 * 1024;
const PIECES_MAX: i64 = 1024;

/// The argument of that name and value as it is handed on; an error number if it is out of reason. Fewer
/// bytes than wanted may be read or written always.
fn bounded(argument: &str, value: i64) -> Result<i64, i32> {
    let unsigned = i64::from(value as u32);
    match argument {
        "path_len" | "old_len" | "new_len" if unsigned > PATH_BYTES_MAX => Err(NAME_TOO_LONG),
        "iovs_len" => Ok(unsigned.min(PIECES_MAX)),
        _ => Ok(value),
    }
}

/// What a function may wait for. One that closes something is never refused.
const fn waits(name: &str) -> Waits {
    match name.as_bytes() {
        b"fd_close" | b"fd_renumber" => Waits::Nothing,
        _ => Waits::System,
    }
}

/// Replaces the functions that may wait by ones that a deadline or a cancel ends.
macro_rules! interruptible {
    ($($name:ident($($arg:ident: $ty:ty),*);)*) => {
        fn interruptible(linker: &mut Linker<State>) -> wasmtime::Result<()> {
            $(
                linker.func_wrap(
                    extism_abi::import::WASI_MODULE,
                    stringify!($name),
                    |mut cx: Caller<'_, State>, $($arg: $ty),*| -> wasmtime::Result<i32> {
                        let effect = Effect::of(stringify!($name), &[$(i64::from($arg)),*]);
                        let waits = const { waits(stringify!($name)) };
                        let fuel = cx.as_context_mut().hostcall_fuel();
                        $(
                            let $arg = match bounded(stringify!($arg), $arg.into()) {
                                Ok(value) => value as $ty,
                                Err(errno) => return Ok(errno),
                            };
                        )*
                        let (data, state) = memory_and_state(&mut cx)?;
                        let Parts { open, threads, context } = state.wasi.parts();
                        let Some(lane) = threads.lane(waits)? else {
                            return Ok(TRY_AGAIN);
                        };
                        if !open.begin(effect) {
                            return Ok(TOO_MANY_OPEN);
                        }
                        let mut pieces = Pieces::of(stringify!($name), &[$(i64::from($arg)),*], data);
                        let mut done = loop {
                            $(
                                let value = i64::from($arg);
                                let value = Pieces::argument(pieces.as_ref(), stringify!($arg), value);
                                let $arg = value as $ty;
                            )*
                            preview1::WasiSnapshotPreview1::set_hostcall_fuel(context, fuel);
                            let mut guest = GuestMemory::Unshared(&mut *data);
                            let call = preview1::$name(&mut *context, &mut guest, $($arg),*);
                            let done = drive(&state.token, &lane, call);
                            let goes_on = match (&mut pieces, &done) {
                                (Some(pieces), Ok(Ok(0))) => pieces.next(data),
                                _ => false,
                            };
                            if !goes_on {
                                break done;
                            }
                            if let Some(stop) = state.token.stop() {
                                break Err(stop_error(stop));
                            }
                        };
                        // An error after the first piece is that of the plug-in's next call.
                        if let Some(pieces) = pieces && pieces.end(data) && matches!(done, Ok(Ok(_))) {
                            done = Ok(Ok(0));
                        }
                        open.end(effect, End::of(&done));
                        if done.is_err() {
                            state.wasi.forget();
                        }
                        done?
                    },
                )?;
            )*
            Ok(())
        }
    };
}

interruptible! {
    fd_advise(fd: i32, offset: i64, len: i64, advice: i32);
    fd_close(fd: i32);
    fd_datasync(fd: i32);
    fd_fdstat_get(fd: i32, result: i32);
    fd_filestat_get(fd: i32, result: i32);
    fd_filestat_set_size(fd: i32, size: i64);
    fd_filestat_set_times(fd: i32, atim: i64, mtim: i64, flags: i32);
    fd_pread(fd: i32, iovs: i32, iovs_len: i32, offset: i64, result: i32);
    fd_pwrite(fd: i32, iovs: i32, iovs_len: i32, offset: i64, result: i32);
    fd_read(fd: i32, iovs: i32, iovs_len: i32, result: i32);
    fd_readdir(fd: i32, buf: i32, buf_len: i32, cookie: i64, result: i32);
    fd_renumber(from: i32, to: i32);
    fd_seek(fd: i32, offset: i64, whence: i32, result: i32);
    fd_sync(fd: i32);
    fd_write(fd: i32, iovs: i32, iovs_len: i32, result: i32);
    path_create_directory(fd: i32, path: i32, path_len: i32);
    path_filestat_get(fd: i32, flags: i32, path: i32, path_len: i32, result: i32);
    path_filestat_set_times(
        fd: i32, flags: i32, path: i32, path_len: i32, atim: i64, mtim: i64, fst_flags: i32
    );
    path_link(
        old_fd: i32, old_flags: i32, old_path: i32, old_len: i32,
        new_fd: i32, new_path: i32, new_len: i32
    );
    path_open(
        fd: i32, dirflags: i32, path: i32, path_len: i32, oflags: i32,
        rights: i64, rights_inheriting: i64, fdflags: i32, result: i32
    );
    path_readlink(fd: i32, path: i32, path_len: i32, buf: i32, buf_len: i32, result: i32);
    path_remove_directory(fd: i32, path: i32, path_len: i32);
    path_rename(fd: i32, old: i32, old_len: i32, new_fd: i32, new: i32, new_len: i32);
    path_symlink(old: i32, old_len: i32, fd: i32, new: i32, new_len: i32);
    path_unlink_file(fd: i32, path: i32, path_len: i32);
}

/// The memory of the plug-in that calls, and its state.
fn memory_and_state<'a>(
    cx: &'a mut Caller<'_, State>,
) -> wasmtime::Result<(&'a mut [u8], &'a mut State)> {
    let Some(Extern::Memory(memory)) = cx.get_export("memory") else {
        let text = "a module that uses WASI must export its memory as `memory`";
        return Err(Error::new(Status::ModuleUnsupported, text).into());
    };
    Ok(memory.data_and_store_mut(cx))
}

/// A part of the plug-in's memory.
fn part(data: &mut [u8], start: u32, len: u32) -> Result<&mut [u8], GuestError> {
    let rest = data.get_mut(start as usize..);
    rest.and_then(|rest| rest.get_mut(..len as usize))
        .ok_or(GuestError::PtrOutOfBounds(Region { start, len }))
}

/// Runs a WASI call to its end, or until the plug-in's call has to stop.
fn drive<F: Future>(token: &Token, lane: &Lane<'_>, call: F) -> wasmtime::Result<F::Output> {
    let _entered = lane.enter();
    let mut call = pin!(call);
    // The runtime panics where no thread is left for a blocking operation. The plug-in's call ends with that.
    let driven = catch_unwind(AssertUnwindSafe(|| poll(token, lane, call.as_mut())));
    driven.unwrap_or_else(|panic| {
        let text = format!("a WASI call panicked: {}", panic_text(panic.as_ref()));
        Err(Error::new(Status::Panic, text).into())
    })
}

fn poll<F: Future>(
    token: &Token,
    lane: &Lane<'_>,
    mut call: Pin<&mut F>,
) -> wasmtime::Result<F::Output> {
    // Most calls are done at once; only those that wait need somebody to wake them.
    if let Poll::Ready(result) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Ok(result);
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
            return Ok(result);
        }
        if let Some(stop) = token.park(None) {
            lane.leave_behind();
            return Err(stop_error(stop));
        }
    }
}

fn stop_error(stop: Stop) -> wasmtime::Error {
    stopped(stop).into()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
