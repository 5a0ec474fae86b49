//! Writes the committed inputs of targets as files of bytes, for libFuzzer to start from. The first word is
//! a folder, in which each target gets its own; the others are names of targets, whether this build can run
//! them or not.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use extism_fuzzing::fixtures;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args_os().skip(1);
    let folder = PathBuf::from(words.next().ok_or("which folder?")?);
    for target in words {
        let target = target.into_string().map_err(|_| "which target?")?;
        let folder = folder.join(&target);
        fs::create_dir_all(&folder)?;
        for fixture in fixtures(&target)? {
            let name = fixture.path.file_name().ok_or("a fixture without a name")?;
            fs::write(folder.join(name), fixture.bytes)?;
        }
    }
    Ok(())
}
