//! Prints what the pass does to modules: `cargo run --release -p extism-rewrite --example
//! rewrite_stats -- FILE...`
//!
//! One line per module and mode: bytes before and after, calls replaced and kept, bulk functions, loops that
//! copy,
//! time of the fastest of twenty runs.

use std::time::{Duration, Instant};

use extism_rewrite::{Declined, KernelMemory, Options, Rewritten, rewrite};

const RUNS: usize = 20;

fn main() -> std::io::Result<()> {
    let define = KernelMemory::Define {
        pages_min: 1,
        pages_max: None,
    };
    println!(
        "{:>9} {:>9} {:>7} {:>5} {:>4} {:>5} {:>9}  mode    module",
        "before", "after", "inlined", "kept", "bulk", "loops", "µs"
    );
    for path in std::env::args().skip(1) {
        let wasm = std::fs::read(&path)?;
        for (mode, kernel_memory) in [("define", define), ("import", KernelMemory::Import)] {
            match fastest(&wasm, kernel_memory) {
                Ok((rewritten, time)) => println!(
                    "{:>9} {:>9} {:>7} {:>5} {:>4} {:>5} {:>9}  {mode}  {path}",
                    wasm.len(),
                    rewritten.wasm.len(),
                    rewritten.inlined_calls,
                    rewritten.kept_calls,
                    rewritten.bulk,
                    rewritten.copy_loops,
                    time.as_micros(),
                ),
                Err(declined) => {
                    println!("{:>9} {:>54}  {mode}  {path}: {declined}", wasm.len(), "")
                }
            }
        }
    }
    Ok(())
}

fn fastest(wasm: &[u8], kernel_memory: KernelMemory) -> Result<(Rewritten, Duration), Declined> {
    let options = Options {
        kernel_memory,
        keep: &|_name| false,
    };
    let mut best: Option<(Rewritten, Duration)> = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        let rewritten = rewrite(wasm, &options)?;
        let time = start.elapsed();
        if best.as_ref().is_none_or(|(_, fastest)| time < *fastest) {
            best = Some((rewritten, time));
        }
    }
    Ok(best.expect("there is more than one run"))
}
