//! Writes the committed inputs of all targets as files of bytes, for libFuzzer to start from: a folder for
//! each target in the folder that is given.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use extism_fuzzing::{TARGETS, fixtures};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("which folder?")?);
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for fixture in fixtures(target.name)? {
            let name = fixture.path.file_name().ok_or("a fixture without a name")?;
            fs::write(folder.join(name), fixture.bytes)?;
        }
    }
    Ok(())
}
