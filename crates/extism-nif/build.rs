//! Tells the linker that the library stays in the process once it is there: its threads outlive the
//! module that loaded it, and purging that module must not take the code away from under them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if [
        "linux",
        "android",
        "freebsd",
        "netbsd",
        "openbsd",
        "dragonfly",
    ]
    .contains(&system.as_str())
    {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
