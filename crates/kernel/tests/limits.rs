//! What happens at each limit, one below it and one above it.

mod support;

use extism_abi::Status;
use extism_kernel::{Kernel, Limits, Refused};
use support::{PAGE, Pages};

fn kernel(blocks_max: u32, bytes_max: u64) -> (Kernel, Pages) {
    (
        Kernel::new(Limits {
            blocks_max,
            bytes_max,
        }),
        Pages::new(PAGE, 16 * PAGE),
    )
}

#[test]
fn blocks_max_is_the_last_that_is_given() {
    for blocks_max in [0, 1, 2, 15, 16, 17, 1023, 1024, 1025] {
        let (mut kernel, mut memory) = kernel(blocks_max, u64::MAX);
        for nth in 0..blocks_max {
            assert_eq!(
                kernel.try_alloc(1, &mut memory),
                Ok(64 + u64::from(nth) * 16)
            );
        }
        assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Blocks));
        assert_eq!(kernel.alloc(1, &mut memory), 0);
        assert_eq!(kernel.blocks(), blocks_max);
        if blocks_max > 0 {
            kernel.free(64);
            assert!(kernel.try_alloc(1, &mut memory).is_ok());
            assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Blocks));
        }
    }
}

#[test]
fn bytes_max_counts_what_was_asked_for() {
    for bytes_max in [1, 16, 100, 1 << 16] {
        let (mut kernel, mut memory) = kernel(u32::MAX, bytes_max);
        assert_eq!(
            kernel.try_alloc(bytes_max + 1, &mut memory),
            Err(Refused::Bytes)
        );
        assert_eq!(kernel.try_alloc(bytes_max, &mut memory), Ok(64));
        assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Bytes));
        assert_eq!(
            kernel.try_alloc(u64::MAX, &mut memory),
            Err(Refused::Bytes),
            "the sum must not wrap"
        );
        kernel.free(64);
        if bytes_max > 1 {
            assert!(kernel.try_alloc(bytes_max - 1, &mut memory).is_ok());
        }
        assert!(kernel.try_alloc(1, &mut memory).is_ok());
        assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Bytes));
        assert_eq!(kernel.bytes_in_use(), bytes_max);
    }
}

#[test]
fn no_bytes_allowed_means_no_blocks() {
    let (mut kernel, mut memory) = kernel(u32::MAX, 0);
    assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Bytes));
    assert_eq!(kernel.begin(0, &mut memory), Ok(0));
    assert_eq!(kernel.begin(1, &mut memory), Err(Refused::Bytes));
}

#[test]
fn the_memory_refuses_at_its_last_byte() {
    let room = 16 * PAGE - 64;
    let (mut kernel, mut memory) = kernel(u32::MAX, u64::MAX);
    assert_eq!(kernel.begin(room + 1, &mut memory), Err(Refused::Memory));
    assert_eq!(memory.growths, 0);
    assert_eq!(kernel.begin(room, &mut memory), Ok(64));
    assert_eq!(kernel.begin(room - 1, &mut memory), Ok(64));
    assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Memory));
    assert_eq!(kernel.begin(room - 16, &mut memory), Ok(64));
    assert_eq!(kernel.try_alloc(17, &mut memory), Err(Refused::Memory));
    assert_eq!(kernel.try_alloc(16, &mut memory), Ok(16 * PAGE - 16));
}

#[test]
fn a_refused_input_leaves_an_empty_kernel() {
    let (mut kernel, mut memory) = kernel(10, 1000);
    kernel.begin(10, &mut memory).expect("there is room");
    assert_eq!(kernel.begin(1001, &mut memory), Err(Refused::Bytes));
    assert_eq!(
        (
            kernel.blocks(),
            kernel.bytes_in_use(),
            kernel.input().length
        ),
        (0, 0, 0)
    );
    assert_eq!(kernel.begin(1000, &mut memory), Ok(64));
}

#[test]
fn a_million_allocations_without_a_free_stop_at_the_limit() {
    let mut kernel = Kernel::new(Limits {
        blocks_max: 100_000,
        bytes_max: 64 << 20,
    });
    let mut memory = Pages::new(PAGE, 64 << 20);
    let given = (0..1_000_000)
        .filter(|_| kernel.alloc(24, &mut memory) != 0)
        .count();
    assert_eq!(
        (given, kernel.blocks(), kernel.bytes_in_use()),
        (100_000, 100_000, 2_400_000)
    );
    assert_eq!(kernel.high_water(), 64 + 100_000 * 32);
}

#[test]
fn each_reason_has_its_status_and_its_text() {
    let table = [
        (
            Refused::Blocks,
            Status::Blocks,
            "too many blocks of kernel memory are live",
        ),
        (
            Refused::Bytes,
            Status::Memory,
            "the live blocks of kernel memory have too many bytes",
        ),
        (
            Refused::Memory,
            Status::Memory,
            "kernel memory cannot grow any further",
        ),
    ];
    for (refused, status, text) in table {
        assert_eq!(
            (refused.status(), refused.to_string().as_str()),
            (status, text)
        );
    }
}
