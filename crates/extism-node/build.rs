//! Tells the linker that Node has the functions the addon calls.

fn main() {
    napi_build::setup();
}
