//! Runs a row of the concurrency suite: many threads, cancels at any moment, deadlines side by side.
//!
//! Must not know: the inside of tokens and pools. Invariant: no scenario waits without an end: each call that
//! could has a time limit or is cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use extism_runtime::{
    CompiledPlugin, Error, HostFunction, Level, Limits, LogSink, Options, Plugin, Pool,
    PoolOptions, Status,
};

use crate::exhaustion::{rewriting, slack};
use crate::runner::Run;
use crate::suite::Scenario;
use crate::witness::Witness;

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Scenario = table.try_into()?;
    let witness = Witness::new(&options(run))?;
    match row.scenario.as_str() {
        "many_callers" => many_callers(run)?,
        "many_makers" => many_makers(run)?,
        "cancel_around_a_call" => cancel_around_a_call(run)?,
        "cancel_at_any_moment" => cancel_at_any_moment(run)?,
        "siblings" => siblings(run)?,
        "handles_outlive" => handles_outlive(run)?,
        "pool_waiters" => pool_waiters(run)?,
        "pool_panics" => pool_panics(run)?,
        "pool_ends_first" => pool_ends_first(run)?,
        "pool_within_itself" => pool_within_itself(run)?,
        "many_deadlines" => many_deadlines(run)?,
        "threads_that_end" => threads_that_end(run)?,
        "slow_sink" => slow_sink(run)?,
        "different_engines" => different_engines(run)?,
        scenario => bail!("{scenario} is no scenario"),
    }
    witness.testify(128 << 20)
}

/// Counts, loops for ever, or echoes.
const SOURCE: &str = r#"(module
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (global $n (mut i32) (i32.const 0))
    (func (export "echo") (call $output (call $offset) (call $length)))
    (func (export "work") (local $i i32)
        (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $i) (i32.const 20000)))))
    (func (export "count") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) global.get $n)
    (func (export "trap") unreachable)
    (func (export "loop") (loop br 0)))"#;

fn options(run: Run) -> Options {
    Options {
        rewrite: rewriting(run),
        ..Options::default()
    }
}

fn compiled(run: Run) -> Result<CompiledPlugin> {
    Ok(CompiledPlugin::new(SOURCE, options(run))?)
}

fn limited(run: Run, time: Duration) -> Result<CompiledPlugin> {
    let options = Options {
        limits: Limits {
            call_time_max: Some(time),
            ..Limits::default()
        },
        ..options(run)
    };
    Ok(CompiledPlugin::new(SOURCE, options)?)
}

/// Runs the same on so many threads at once; the first error of any.
fn on_threads(count: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|at| scope.spawn(move || work(at))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => bail!("a thread panicked"),
            })
    })
}

fn echoes(plugin: &mut Plugin, text: &str) -> Result<()> {
    let outcome = plugin.call("echo", text.as_bytes());
    ensure!(outcome.code == 0, "{outcome:?}");
    ensure!(plugin.output() == text.as_bytes(), "the output of another");
    Ok(())
}

fn many_callers(run: Run) -> Result<()> {
    let compiled = compiled(run)?;
    on_threads(8, |at| {
        let mut plugin = Plugin::new(&compiled)?;
        for n in 1..=1_000 {
            echoes(&mut plugin, &format!("{at} {n}"))?;
            ensure!(plugin.call("count", b"").code == n, "counted by another");
        }
        Ok(())
    })
}

fn many_makers(run: Run) -> Result<()> {
    let compiled = compiled(run)?;
    on_threads(8, |at| {
        for n in 0..run.scale.of(100, 500) {
            let mut plugin = Plugin::new(&compiled)?;
            ensure!(plugin.call("count", b"").code == 1, "not a fresh one");
            echoes(&mut plugin, &format!("{at} {n}"))?;
            if n % 7 == 0 {
                drop(plugin.call("trap", b""));
            }
        }
        Ok(())
    })
}

/// Before a call, after it, twice: lost, each time.
fn cancel_around_a_call(run: Run) -> Result<()> {
    let mut plugin = Plugin::new(&compiled(run)?)?;
    let handle = plugin.cancel_handle();
    for n in 0..10_000 {
        handle.cancel();
        handle.cancel();
        ensure!(
            plugin.call("count", b"").code == n + 1,
            "a cancel before the call hit it"
        );
    }
    Ok(())
}

/// A call that takes some time, and a cancel at any moment around it: the call ends, the next one is whole.
fn cancel_at_any_moment(run: Run) -> Result<()> {
    let mut plugin = Plugin::new(&compiled(run)?)?;
    let handle = plugin.cancel_handle();
    let (begin, begun) = mpsc::channel::<u64>();
    let (ended, end) = mpsc::channel();
    thread::scope(|scope| -> Result<()> {
        scope.spawn(move || {
            for spins in begun {
                for _ in 0..spins {
                    std::hint::spin_loop();
                }
                handle.cancel();
                if ended.send(()).is_err() {
                    return;
                }
            }
        });
        let mut random = Random(0x5eed);
        for _ in 0..run.scale.of(2_000, 10_000) {
            begin.send(random.next() % 20_000)?;
            let status = plugin.call("work", b"").status();
            ensure!(
                [Status::Ok, Status::Cancelled].contains(&status),
                "{status:?}"
            );
            end.recv()?;
            ensure!(
                plugin.call("work", b"").code == 0,
                "a late cancel hit the next call"
            );
        }
        drop(begin);
        Ok(())
    })
}

/// The same numbers on every machine.
struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// One plug-in runs out of time again and again while seven others of the same engine work.
fn siblings(run: Run) -> Result<()> {
    let (free, short) = (compiled(run)?, limited(run, Duration::from_millis(5))?);
    let done = AtomicBool::new(false);
    on_threads(8, |at| {
        if at == 0 {
            let mut plugin = Plugin::new(&short)?;
            let result = (0..run.scale.of(50, 200)).try_for_each(|_| {
                let status = plugin.call("loop", b"").status();
                ensure!(status == Status::Timeout, "{status:?}");
                Ok(())
            });
            done.store(true, Ordering::Relaxed);
            return result;
        }
        let mut plugin = Plugin::new(&free)?;
        while !done.load(Ordering::Relaxed) {
            let outcome = plugin.call("work", b"");
            ensure!(outcome.code == 0, "disturbed: {outcome:?}");
        }
        Ok(())
    })
}

/// A handle is used while its plug-in is freed, and afterwards.
fn handles_outlive(run: Run) -> Result<()> {
    let compiled = compiled(run)?;
    for _ in 0..run.scale.of(500, 5_000) {
        let mut plugin = Plugin::new(&compiled)?;
        let handle = plugin.cancel_handle();
        let barrier = Arc::new(Barrier::new(2));
        let canceller = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || {
                barrier.wait();
                handle.cancel();
                handle
            }
        });
        barrier.wait();
        drop(plugin.call("count", b""));
        drop(plugin);
        let handle = canceller.join().ok().context("a thread panicked")?;
        handle.cancel();
    }
    Ok(())
}

type Plugins = Pool<Plugin, Error>;

fn pool(run: Run, instances_max: usize) -> Result<Plugins> {
    let compiled = compiled(run)?;
    Ok(Pool::new(PoolOptions { instances_max }, move || {
        Plugin::new(&compiled)
    }))
}

/// More borrowers than plug-ins: some wait, some are turned away, none gets what another has.
fn pool_waiters(run: Run) -> Result<()> {
    let pool = pool(run, 2)?;
    on_threads(6, |at| {
        for n in 0..run.scale.of(200, 1_000) {
            // Some are patient.
            let patience = Duration::from_millis(if at < 3 { 60_000 } else { 1 });
            match pool.get(patience)? {
                Some(mut plugin) => echoes(&mut plugin, &format!("{at} {n}"))?,
                None => ensure!(at >= 3, "waited for a minute"),
            }
        }
        Ok(())
    })?;
    let stats = pool.stats();
    ensure!(
        stats.made <= 2 && stats.alive <= 2 && stats.waiting == 0,
        "{stats:?}"
    );
    Ok(())
}

/// Borrowers that panic and plug-ins that trap are replaced, and nobody notices.
fn pool_panics(run: Run) -> Result<()> {
    std::panic::set_hook(Box::new(|_| {}));
    let pool = pool(run, 2)?;
    let rounds = run.scale.of(50, 1_000);
    for _ in 0..rounds {
        let borrower = thread::spawn({
            let pool = pool.clone();
            move || {
                let mut plugin = pool.get(Duration::from_secs(60)).unwrap().unwrap();
                drop(plugin.call("trap", b""));
                panic!("a borrower panics on purpose");
            }
        });
        ensure!(borrower.join().is_err(), "it did not panic");
        let mut plugin = pool
            .get(Duration::from_secs(60))?
            .context("nothing came back")?;
        ensure!(plugin.call("count", b"").code >= 1, "it does not work");
        drop(plugin.call("trap", b""));
    }
    let stats = pool.stats();
    ensure!(stats.replaced == rounds, "{stats:?}");
    Ok(())
}

/// The pool is dropped while plug-ins are lent and somebody waits.
fn pool_ends_first(run: Run) -> Result<()> {
    for _ in 0..run.scale.of(50, 1_000) {
        let pool = pool(run, 1)?;
        let mut lease = pool.get(Duration::ZERO)?.context("nothing lent")?;
        let waiter = thread::spawn({
            let pool = pool.clone();
            move || {
                pool.get(Duration::from_secs(60))
                    .map(|lease| lease.is_some())
            }
        });
        drop(pool);
        ensure!(lease.call("count", b"").code == 1, "it does not work");
        drop(lease);
        let got = waiter.join().ok().context("the waiter panicked")??;
        ensure!(got, "the waiter went without");
    }
    Ok(())
}

/// A host function borrows from the pool its own plug-in is from, until there is none.
fn pool_within_itself(run: Run) -> Result<()> {
    let source = r#"(module (import "extism:host/user" "deeper" (func $deeper))
        (func (export "run") call $deeper))"#;
    for (instances_max, status) in [(3, Status::WaitTimeout), (20, Status::CallDepth)] {
        let place: Arc<Mutex<Option<Plugins>>> = Arc::default();
        let own = Arc::clone(&place);
        let deeper = HostFunction::new("deeper", [], [], move |_, _| {
            let pool = own.lock().ok().and_then(|pool| pool.clone());
            let pool = pool.ok_or_else(|| Error::new(Status::Internal, "no pool"))?;
            let lease = pool.get(Duration::ZERO)?;
            let none = || Error::new(Status::WaitTimeout, "no plug-in is left");
            let error = lease.ok_or_else(none)?.call("run", b"").error;
            error.map_or(Ok(()), |error| Err(error.into()))
        });
        let compiled = CompiledPlugin::new(
            source,
            Options {
                functions: vec![deeper],
                ..options(run)
            },
        )?;
        let pool = Pool::new(PoolOptions { instances_max }, move || {
            Plugin::new(&compiled)
        });
        *place.lock().expect("no thread panics") = Some(pool.clone());
        let found = pool
            .get(Duration::ZERO)?
            .context("nothing lent")?
            .call("run", b"")
            .status();
        ensure!(found == status, "{instances_max}: {found:?}");
        // The pool owns the function, which owns the pool.
        place.lock().expect("no thread panics").take();
    }
    Ok(())
}

/// Plug-ins whose time runs out at different moments are each stopped in time, and none too early.
fn many_deadlines(run: Run) -> Result<()> {
    let late = Mutex::new(Vec::new());
    on_threads(run.scale.of(16, 64), |at| {
        let limit = Duration::from_millis(20 + 7 * at as u64);
        let mut plugin = Plugin::new(&limited(run, limit)?)?;
        for _ in 0..3 {
            let begun = Instant::now();
            let status = plugin.call("loop", b"").status();
            let took = begun.elapsed();
            ensure!(status == Status::Timeout, "{status:?}");
            ensure!(took >= limit, "stopped {:?} too early", limit - took);
            late.lock().expect("no thread panics").push(took - limit);
        }
        Ok(())
    })?;
    let mut late = late.into_inner().expect("no thread panics");
    late.sort();
    let longest = late.last().context("nothing was measured")?;
    ensure!(*longest < slack(run.scale), "stopped {longest:?} too late");
    Ok(())
}

/// Threads end with plug-ins in their thread-local storage, and plug-ins made on a thread outlive it.
fn threads_that_end(run: Run) -> Result<()> {
    thread_local! {
        static OWN: std::cell::RefCell<Option<Plugin>> = const { std::cell::RefCell::new(None) };
    }
    let compiled = limited(run, Duration::from_secs(60))?;
    for _ in 0..run.scale.of(50, 500) {
        let compiled = compiled.clone();
        let made = thread::spawn(move || -> Result<Plugin> {
            let mut plugin = Plugin::new(&compiled)?;
            echoes(&mut plugin, "own")?;
            OWN.with(|own| own.replace(Some(plugin)));
            Ok(Plugin::new(&compiled)?)
        });
        let mut plugin = made.join().ok().context("a thread panicked")??;
        echoes(&mut plugin, "from a thread that has ended")?;
    }
    Ok(())
}

/// A sink takes longer than the call may: the call ends with the sink, and says so.
fn slow_sink(run: Run) -> Result<()> {
    let source = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "log_info" (func $log (param i64)))
        (func (export "run") (loop (call $log (call $alloc (i64.const 8))) br 0)))"#;
    let sink = LogSink {
        level: Level::Info,
        receive: Arc::new(|_| thread::sleep(Duration::from_millis(30))),
    };
    let mut options = options(run);
    options.limits.call_time_max = Some(Duration::from_millis(100));
    options.log_sink = Some(sink);
    let mut plugin = Plugin::load(source, options)?;
    for _ in 0..2 {
        let begun = Instant::now();
        let status = plugin.call("run", b"").status();
        ensure!(status == Status::Timeout, "{status:?}");
        let took = begun.elapsed();
        ensure!(
            took < Duration::from_millis(130) + slack(run.scale),
            "took {took:?}"
        );
    }
    Ok(())
}

/// Plug-ins of different configurations call each other.
fn different_engines(run: Run) -> Result<()> {
    let source = r#"(module (import "extism:host/user" "next" (func $next))
        (func (export "run") call $next) (func (export "trap") call $next unreachable))"#;
    let mut next: Option<Plugin> = None;
    for at in 0..6u64 {
        let inner = Mutex::new(next.take());
        let call = HostFunction::new("next", [], [], move |_, _| {
            let mut inner = inner.lock().expect("no call panics");
            if let Some(plugin) = inner.as_mut() {
                drop(plugin.call("trap", b""));
                if let Some(error) = plugin.call("run", b"").error {
                    return Err(error.into());
                }
            }
            Ok(())
        });
        let mut options = options(run);
        options.functions.push(call);
        // Each of these is an engine of its own.
        match at % 3 {
            0 => options.fuel = Some(1_000_000),
            1 => options.limits.stack_bytes_max = 256 << 10,
            _ => options.debug.debug_info = true,
        }
        next = Some(Plugin::load(source, options)?);
    }
    let mut first = next.context("no plug-in")?;
    for _ in 0..10 {
        let outcome = first.call("run", b"");
        ensure!(outcome.code == 0, "{outcome:?}");
    }
    Ok(())
}
