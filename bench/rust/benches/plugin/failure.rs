//! Calls that fail: a trap, an error the guest reports, a function that is not there.
//!
//! Must not know: how errors are made. Invariant: the plug-in can be called again each time.

use criterion::Criterion;
use extism::{ErrorExt, Plugin, Status};

use crate::call::EXPORTS;

pub(super) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("failure");
    let mut plugin = Plugin::new(EXPORTS, [], false).expect("the plug-in is valid");
    for (name, status, code) in [
        ("trap", Status::TrapUnreachable, 134),
        ("fail", Status::GuestError, 7),
        ("missing", Status::FunctionNotFound, -1),
    ] {
        let mut call = || plugin.call_get_error_code::<(), ()>(name, ()).unwrap_err();
        let (error, answered) = call();
        assert_eq!((error.status(), answered), (Some(status), code), "{name}");
        group.bench_function(name, |bencher| bencher.iter(&mut call));
    }
}
