//! `extism bench`: how fast a function of a plug-in is.
//!
//! Must not know: how latencies are counted. Invariant: every call that is counted succeeded and was
//! timed by itself, after a warm-up that is not counted.

use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use extism_runtime::{CompiledPlugin, Plugin};
use serde::Serialize;

use super::call::{explained, failure_of};
use crate::failure::Failure;
use crate::global::Global;
use crate::hints::Attempt;
use crate::histogram::Histogram;
use crate::input::Input;
use crate::interrupt;
use crate::output;
use crate::plugin::{self, PluginArgs, WasiOutput};
use crate::report::{self, Used};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    plugin: PluginArgs,
    /// The function to measure
    #[arg(value_name = "FUNCTION")]
    function: String,
    #[command(flatten)]
    input: Input,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// How many threads call, each an instance of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const SECONDS_MAX: f64 = 86_400.0;

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if !(0.01..=SECONDS_MAX).contains(&value) {
        return Err(format!("expected 0.01 to {SECONDS_MAX}"));
    }
    Ok(value)
}

/// The part of the time that warms up before it is measured, and that instances are made in.
const WARM_UP: f64 = 0.1;

/// The longest time instances are made for.
const INSTANCES_TIME_MAX: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    let told = measure(args, global).and_then(|measured| match args.json {
        true => output::json(&measured),
        false => output::line(measured.text()),
    });
    match told {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) if args.json => report::tell(&failure, Used::default()),
        Err(failure) => Err(failure),
    }
}

fn measure(args: &Args, global: &Global) -> Result<Measured, Failure> {
    let input = args.plugin.input(&args.input)?;
    let manifest = args.plugin.manifest()?;
    let attempt = Attempt {
        args: &args.plugin,
        manifest: &manifest,
        function: &args.function,
    };
    let options = args.plugin.options(global, WasiOutput::Dropped);
    let begun = Instant::now();
    let shown = args.plugin.source.wasm.shown();
    let compiled = plugin::load(&manifest, &shown, options, global)
        .map_err(|error| explained(error, &attempt))?;
    let load_ms = begun.elapsed().as_secs_f64() * 1e3;
    let time = Duration::from_secs_f64(args.seconds);
    let warm_up = time.mul_f64(WARM_UP);
    let per_second = instances(&compiled, warm_up.min(INSTANCES_TIME_MAX), &attempt)?;
    let mut plugins = (0..args.threads)
        .map(|_| Plugin::new(&compiled).map_err(|error| explained(error, &attempt)))
        .collect::<Result<Vec<Plugin>, Failure>>()?;
    for plugin in &plugins {
        interrupt::watch(plugin.cancel_handle());
    }
    let run = Run {
        function: &args.function,
        input: &input,
        warm_up,
        time,
        start: Barrier::new(plugins.len()),
        attempt: &attempt,
    };
    let results: Vec<Result<Counted, Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = plugins
            .iter_mut()
            .map(|plugin| scope.spawn(|| run.thread(plugin)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let counted = results
        .into_iter()
        .collect::<Result<Vec<Counted>, Failure>>()?;
    Ok(Measured::new(args, load_ms, per_second, &counted))
}

/// Instances made, and dropped, in a second by one thread.
fn instances(
    compiled: &CompiledPlugin,
    time: Duration,
    attempt: &Attempt<'_>,
) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut count = 0_u32;
    loop {
        Plugin::new(compiled).map_err(|error| explained(error, attempt))?;
        count += 1;
        let elapsed = begun.elapsed();
        if elapsed >= time || interrupt::interrupted() {
            return Ok(f64::from(count) / elapsed.as_secs_f64());
        }
    }
}

/// What all threads do at the same time.
struct Run<'a> {
    function: &'a str,
    input: &'a [u8],
    warm_up: Duration,
    time: Duration,
    start: Barrier,
    attempt: &'a Attempt<'a>,
}

/// What one thread has counted.
struct Counted {
    latencies: Histogram,
    warm_up_calls: u64,
    elapsed: Duration,
}

impl Run<'_> {
    fn thread(&self, plugin: &mut Plugin) -> Result<Counted, Failure> {
        let warm_up = self.calls(plugin, self.warm_up);
        // Every thread comes here, also one whose plug-in failed: the others wait for it.
        self.start.wait();
        let warm_up = warm_up?;
        let begun = Instant::now();
        let latencies = self.calls(plugin, self.time)?;
        Ok(Counted {
            elapsed: begun.elapsed(),
            warm_up_calls: warm_up.total(),
            latencies,
        })
    }

    fn calls(&self, plugin: &mut Plugin, time: Duration) -> Result<Histogram, Failure> {
        let mut latencies = Histogram::new();
        let begun = Instant::now();
        let mut before = begun;
        loop {
            let outcome = plugin.call(self.function, self.input);
            let after = Instant::now();
            if let Some(failure) = failure_of(outcome, self.attempt) {
                return Err(failure);
            }
            let nanoseconds = (after - before).as_nanos();
            latencies.record(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
            if after - begun >= time {
                return Ok(latencies);
            }
            if interrupt::interrupted() {
                return Err(Failure::interrupted());
            }
            before = Instant::now();
        }
    }
}

/// The result.
#[derive(Debug, Serialize)]
struct Measured {
    function: String,
    threads: u16,
    seconds: f64,
    calls: u64,
    warm_up_calls: u64,
    calls_per_second: f64,
    latency_ns: Latency,
    instances_per_second: f64,
    load_ms: f64,
    /// What reading the clock adds to every latency.
    clock_ns: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    min: u64,
    median: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl Measured {
    fn new(args: &Args, load_ms: f64, instances_per_second: f64, counted: &[Counted]) -> Measured {
        let mut latencies = Histogram::new();
        let (mut calls_per_second, mut seconds) = (0.0, 0.0_f64);
        for thread in counted {
            let elapsed = thread.elapsed.as_secs_f64();
            calls_per_second += thread.latencies.total() as f64 / elapsed;
            seconds = seconds.max(elapsed);
            latencies.add(&thread.latencies);
        }
        Measured {
            function: args.function.clone(),
            threads: args.threads,
            seconds,
            calls: latencies.total(),
            warm_up_calls: counted.iter().map(|thread| thread.warm_up_calls).sum(),
            calls_per_second,
            latency_ns: Latency {
                min: latencies.min(),
                median: latencies.quantile(500),
                p90: latencies.quantile(900),
                p99: latencies.quantile(990),
                max: latencies.max(),
            },
            instances_per_second,
            load_ms,
            clock_ns: clock_ns(),
        }
    }

    fn text(&self) -> String {
        let latency = &self.latency_ns;
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads, each with an instance of its own"),
        };
        format!(
            "{}: {:.0} calls/s\n\
             latency    min {}  median {}  p90 {}  p99 {}  max {}\n\
             instances  {:.0}/s on one thread, made and dropped\n\
             load       {:.1} ms, once, compilation included\n\
             method     {} calls in {:.2} s on {threads}, after {} calls to warm up;\n           \
             every call is timed by itself, {} of it for reading the clock;\n           \
             variables and memory of the plug-in stay from call to call",
            output::printable(&self.function),
            self.calls_per_second,
            duration(latency.min),
            duration(latency.median),
            duration(latency.p90),
            duration(latency.p99),
            duration(latency.max),
            self.instances_per_second,
            self.load_ms,
            self.calls,
            self.seconds,
            self.warm_up_calls,
            duration(self.clock_ns),
        )
    }
}

/// Nanoseconds as people read them.
fn duration(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.2} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}

/// What a measurement of nothing measures, at the median.
fn clock_ns() -> u64 {
    const SAMPLES: u32 = 10_000;
    let mut nothing = Histogram::new();
    for _ in 0..SAMPLES {
        let before = Instant::now();
        let elapsed = before.elapsed().as_nanos();
        nothing.record(u64::try_from(elapsed).unwrap_or(u64::MAX));
    }
    nothing.quantile(500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (nanoseconds, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (2_250_000, "2.25 ms"),
            (3_000_000_000, "3.00 s"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn the_time_is_bounded() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "90000"] {
            assert_eq!(
                seconds(text),
                Err("expected 0.01 to 86400".to_owned()),
                "{text}"
            );
        }
        assert_eq!(seconds("x"), Err("expected a number".to_owned()));
    }
}
