//! What each function of the kernel answers, value by value.

mod support;

use extism_kernel::{FIRST_HANDLE, Kernel, Limits, Memory, Range, Refused};
use support::{BOUNDARIES, GIB, PAGE, Pages, roomy};

fn range(offset: u64, length: u64) -> Range {
    Range { offset, length }
}

#[test]
fn a_new_kernel_holds_nothing() {
    let (kernel, _) = roomy();
    assert_eq!(
        (kernel.blocks(), kernel.bytes_in_use(), kernel.high_water()),
        (0, 0, FIRST_HANDLE)
    );
    assert_eq!(
        (kernel.input(), kernel.output()),
        (range(0, 0), range(0, 0))
    );
    assert_eq!((kernel.error(), kernel.error_range()), (0, None));
    for handle in BOUNDARIES {
        assert_eq!(
            (kernel.length(handle), kernel.contains(handle)),
            (0, false),
            "{handle}"
        );
    }
}

#[test]
fn the_input_is_the_first_block() {
    let (mut kernel, mut memory) = roomy();
    assert_eq!(kernel.begin(5, &mut memory), Ok(FIRST_HANDLE));
    assert_eq!(kernel.input(), range(FIRST_HANDLE, 5));
    assert_eq!(
        (kernel.blocks(), kernel.bytes_in_use(), kernel.high_water()),
        (1, 5, 80)
    );
    assert_eq!(
        (kernel.length(FIRST_HANDLE), kernel.contains(FIRST_HANDLE)),
        (5, true)
    );
    assert_eq!(memory.growths, 0);
}

#[test]
fn an_empty_input_is_no_block() {
    let (mut kernel, mut memory) = roomy();
    assert_eq!(kernel.begin(0, &mut memory), Ok(0));
    assert_eq!((kernel.input(), kernel.blocks()), (range(0, 0), 0));
    assert_eq!(kernel.alloc(1, &mut memory), FIRST_HANDLE);
}

#[test]
fn blocks_are_aligned_and_adjacent() {
    let (mut kernel, mut memory) = roomy();
    let sizes = [1, 15, 16, 17, 31, 32, 33, 100];
    let handles = sizes.map(|size| kernel.alloc(size, &mut memory));
    assert_eq!(handles, [64, 80, 96, 112, 144, 176, 208, 256]);
    assert_eq!(handles.map(|handle| kernel.length(handle)), sizes);
    assert_eq!(kernel.high_water(), 256 + 112);
    assert_eq!(kernel.bytes_in_use(), sizes.iter().sum::<u64>());
}

#[test]
fn a_call_forgets_the_last_one() {
    let (mut kernel, mut memory) = roomy();
    kernel.begin(10, &mut memory).expect("there is room");
    let block = kernel.alloc(1000, &mut memory);
    kernel.set_output(block, 10, memory.bytes());
    kernel.set_error(block, memory.bytes());
    assert_eq!(kernel.begin(3, &mut memory), Ok(FIRST_HANDLE));
    assert_eq!(
        (kernel.length(block), kernel.blocks(), kernel.bytes_in_use()),
        (0, 1, 3)
    );
    assert_eq!(
        (kernel.output(), kernel.error(), kernel.high_water()),
        (range(0, 0), 0, 80)
    );
    kernel.free(block);
    assert_eq!(kernel.blocks(), 1);
    kernel.reset();
    assert_eq!(
        (kernel.input(), kernel.blocks(), kernel.high_water()),
        (range(0, 0), 0, FIRST_HANDLE)
    );
    assert_eq!(kernel.length(FIRST_HANDLE), 0);
}

#[test]
fn only_the_beginning_of_a_live_block_has_a_length() {
    let (mut kernel, mut memory) = roomy();
    let block = kernel.alloc(100, &mut memory);
    for handle in (0..400).filter(|handle| *handle != block).chain(BOUNDARIES) {
        if handle != block {
            assert_eq!(
                (kernel.length(handle), kernel.contains(handle)),
                (0, false),
                "{handle}"
            );
        }
    }
    // The low half of a number must not pass for the number.
    assert_eq!(kernel.length((1 << 32) | block), 0);
    kernel.free((1 << 32) | block);
    assert_eq!(kernel.length(block), 100);
}

#[test]
fn freeing_what_is_no_block_does_nothing() {
    let (mut kernel, mut memory) = roomy();
    let (first, second) = (kernel.alloc(40, &mut memory), kernel.alloc(50, &mut memory));
    for handle in (0..300)
        .chain(BOUNDARIES)
        .filter(|handle| ![first, second].contains(handle))
    {
        kernel.free(handle);
        assert_eq!(
            (kernel.blocks(), kernel.bytes_in_use()),
            (2, 90),
            "{handle}"
        );
    }
    kernel.free(first);
    kernel.free(first);
    assert_eq!((kernel.blocks(), kernel.bytes_in_use()), (1, 50));
    assert_eq!((kernel.length(first), kernel.length(second)), (0, 50));
}

#[test]
fn freeing_the_input_empties_it() {
    let (mut kernel, mut memory) = roomy();
    let input = kernel.begin(10, &mut memory).expect("there is room");
    kernel.alloc(1, &mut memory);
    kernel.free(input + 1);
    assert_eq!(kernel.input(), range(input, 10));
    kernel.free(input);
    assert_eq!(kernel.input(), range(input, 0));
    // Without a block to free, the input of the plug-in's choice stays.
    kernel.set_input(input, 4, memory.bytes());
    kernel.free(input);
    assert_eq!(kernel.input(), range(input, 4));
}

/// A block for all that is left of the memory.
fn fill(kernel: &mut Kernel, memory: &mut Pages) -> u64 {
    kernel.alloc(memory.bytes() - kernel.high_water(), memory)
}

/// What a plug-in frees twice, because a function it called has freed it already, is not yet another's.
#[test]
fn a_freed_handle_is_not_given_out_again_while_there_is_room() {
    let (mut kernel, mut memory) = roomy();
    let mut handles = Vec::new();
    while kernel.high_water() + 64 <= memory.bytes() {
        let handle = kernel.alloc(64, &mut memory);
        assert!(!handles.contains(&handle), "{handle} again");
        handles.push(handle);
        kernel.free(handle);
    }
    assert_eq!(memory.growths, 0);
    let reused = kernel.alloc(64, &mut memory);
    assert!(handles.contains(&reused));
    assert_eq!(memory.growths, 0, "before the memory grows");
}

#[test]
fn freed_room_is_used_again() {
    let (mut kernel, mut memory) = roomy();
    let handles = [100, 200, 300, 400].map(|size| kernel.alloc(size, &mut memory));
    let last = fill(&mut kernel, &mut memory);
    kernel.free(handles[1]);
    assert_eq!(
        kernel.alloc(200, &mut memory),
        handles[1],
        "the same size fits exactly"
    );
    kernel.free(handles[1]);
    assert_eq!(
        kernel.alloc(50, &mut memory),
        handles[1],
        "a smaller one takes the lower part"
    );
    assert_eq!(
        kernel.alloc(144, &mut memory),
        handles[1] + 64,
        "and the rest is there for another"
    );
    kernel.free(handles[2]);
    assert_eq!(kernel.alloc(288, &mut memory), handles[2]);
    assert_eq!(
        kernel.alloc(16, &mut memory),
        handles[2] + 288,
        "even if the rest is the smallest"
    );
    let top = kernel.high_water();
    kernel.free(last);
    assert_eq!(
        kernel.alloc(PAGE, &mut memory),
        last,
        "the last block gives way to any size"
    );
    assert!(kernel.high_water() > top);
}

#[test]
fn neighbours_are_merged_whichever_is_freed_first() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let (mut kernel, mut memory) = roomy();
        let handles = [64, 64, 64].map(|size| kernel.alloc(size, &mut memory));
        let guard = fill(&mut kernel, &mut memory);
        for at in order {
            kernel.free(handles[at]);
        }
        assert_eq!(kernel.alloc(192, &mut memory), handles[0], "{order:?}");
        assert_eq!(kernel.high_water(), PAGE, "{order:?}");
        // Without the guard everything merges into one.
        kernel.free(handles[0]);
        kernel.free(guard);
        assert_eq!(
            (kernel.blocks(), kernel.bytes_in_use()),
            (0, 0),
            "{order:?}"
        );
        assert_eq!(kernel.alloc(10_000, &mut memory), FIRST_HANDLE, "{order:?}");
    }
}

/// The range a slot holds after it was set, starting from (64, 1), in a memory of one page.
fn check_slot(offset: u64, length: u64, expected: Range) {
    let (mut kernel, _) = roomy();
    kernel.set_output(64, 1, PAGE);
    kernel.set_output(offset, length, PAGE);
    assert_eq!(kernel.output(), expected, "output {offset} {length}");
    kernel.set_input(64, 1, PAGE);
    kernel.set_input(offset, length, PAGE);
    assert_eq!(kernel.input(), expected, "input {offset} {length}");
}

#[test]
fn a_slot_takes_any_range_inside_the_memory_and_no_other() {
    let ignored = range(64, 1);
    for (offset, length, accepted) in [
        (0, 0, false),
        (63, 1, false),
        (63, 0, false),
        (64, 0, true),
        (65, 3, true),
        (64, PAGE - 64, true),
        (64, PAGE - 63, false),
        (PAGE - 1, 0, true),
        (PAGE - 1, 1, true),
        (PAGE - 1, 2, false),
        (PAGE, 0, false),
        (PAGE, u64::MAX, false),
        (64, u64::MAX, false),
        (64, u64::MAX - 63, false),
        (65, u64::MAX - 64, false),
        (u64::MAX, 1, false),
        (u64::MAX, u64::MAX, false),
        (1 << 32 | 64, 1, false),
        (64, 1 << 32, false),
    ] {
        check_slot(
            offset,
            length,
            if accepted {
                range(offset, length)
            } else {
                ignored
            },
        );
    }
    for offset in BOUNDARIES {
        for length in BOUNDARIES {
            let end = u128::from(offset) + u128::from(length);
            let accepted = (64..PAGE).contains(&offset) && end <= u128::from(PAGE);
            check_slot(
                offset,
                length,
                if accepted {
                    range(offset, length)
                } else {
                    ignored
                },
            );
        }
    }
}

#[test]
fn no_slot_can_be_set_in_a_memory_without_room() {
    for memory_bytes in [0, 1, 63, 64] {
        let (mut kernel, _) = roomy();
        for offset in BOUNDARIES {
            kernel.set_output(offset, 0, memory_bytes);
            kernel.set_input(offset, 0, memory_bytes);
            kernel.set_error(offset, memory_bytes);
        }
        assert_eq!(
            (kernel.input(), kernel.output(), kernel.error()),
            (range(0, 0), range(0, 0), 0)
        );
    }
}

#[test]
fn an_error_is_the_length_of_its_block() {
    let (mut kernel, mut memory) = roomy();
    let block = kernel.alloc(20, &mut memory);
    kernel.set_error(block, memory.bytes());
    assert_eq!(
        (kernel.error(), kernel.error_range()),
        (block, Some(range(block, 20)))
    );
    for handle in [1, 63, PAGE, u64::MAX, 1 << 32 | block] {
        kernel.set_error(handle, memory.bytes());
        assert_eq!(kernel.error(), block, "{handle} is ignored");
    }
    kernel.set_error(block + 1, memory.bytes());
    assert_eq!(
        kernel.error_range(),
        Some(range(block + 1, 0)),
        "the inside of a block has no text"
    );
    kernel.set_error(block, memory.bytes());
    kernel.free(block);
    assert_eq!(
        kernel.error_range(),
        Some(range(block, 0)),
        "nor has a block that was freed"
    );
    kernel.set_error(0, memory.bytes());
    assert_eq!((kernel.error(), kernel.error_range()), (0, None));
}

#[test]
fn the_capacity_leaves_the_reserved_cells_out() {
    let (kernel, _) = roomy();
    let capacities = [0, 63, 64, 65, PAGE, u64::MAX].map(|bytes| kernel.capacity(bytes));
    assert_eq!(capacities, [0, 0, 0, 1, 65_472, u64::MAX - 64]);
}

#[test]
fn the_memory_grows_no_further_than_needed() {
    let (mut kernel, mut memory) = roomy();
    assert_eq!(kernel.alloc(PAGE - 64, &mut memory), FIRST_HANDLE);
    assert_eq!((memory.bytes, memory.growths), (PAGE, 0));
    assert_eq!(kernel.alloc(1, &mut memory), PAGE);
    assert_eq!((memory.bytes, memory.growths), (2 * PAGE, 1));
    assert_eq!(kernel.alloc(0, &mut memory), 0);
    assert_eq!(kernel.try_alloc(0, &mut memory), Ok(0));
    assert_eq!(kernel.blocks(), 2);
}

/// Room is what is free at the end and what is behind it, together: nobody is asked for more.
#[test]
fn a_free_block_at_the_end_counts_with_the_room_behind_it() {
    let (mut kernel, mut memory) = roomy();
    memory.bytes_max = PAGE;
    assert_eq!(kernel.alloc(PAGE - 64 - 48, &mut memory), FIRST_HANDLE);
    let last = kernel.alloc(16, &mut memory);
    kernel.free(last);
    assert_eq!(kernel.alloc(48, &mut memory), last);
    assert_eq!((memory.bytes, memory.growths), (PAGE, 0));
}

#[test]
fn no_block_ends_behind_a_32_bit_memory() {
    let largest = 4 * GIB - 64;
    let (mut kernel, mut memory) = roomy();
    assert_eq!(
        kernel.try_alloc(largest + 1, &mut memory),
        Err(Refused::Memory)
    );
    assert_eq!(kernel.try_alloc(largest, &mut memory), Ok(64));
    assert_eq!((kernel.length(64), kernel.high_water()), (largest, 4 * GIB));
    assert_eq!(kernel.try_alloc(1, &mut memory), Err(Refused::Memory));
    kernel.free(64);
    assert_eq!(kernel.try_alloc(largest - 16, &mut memory), Ok(64));
    assert_eq!(kernel.try_alloc(16, &mut memory), Ok(4 * GIB - 16));
    assert_eq!(kernel.length(4 * GIB - 16), 16);

    // Also when the memory would grant more.
    let mut memory = Pages::new(PAGE, 16 * GIB);
    kernel.reset();
    for size in [
        1 << 32,
        1 << 33,
        1 << 63,
        u64::MAX - 64,
        u64::MAX - 15,
        u64::MAX,
    ] {
        assert_eq!(
            kernel.try_alloc(size, &mut memory),
            Err(Refused::Memory),
            "{size}"
        );
        assert_eq!(kernel.alloc(size, &mut memory), 0, "{size}");
        assert_eq!(
            kernel.begin(size, &mut memory),
            Err(Refused::Memory),
            "{size}"
        );
    }
    assert_eq!(
        (kernel.blocks(), kernel.bytes_in_use(), memory.growths),
        (0, 0, 0)
    );
}

#[test]
fn a_memory_that_lies_about_growing_loses_room_and_nothing_else() {
    struct Liar;
    impl Memory for Liar {
        fn bytes(&self) -> u64 {
            100
        }
        fn grow_to(&mut self, _bytes: u64) -> bool {
            true
        }
    }
    let mut kernel = Kernel::new(Limits {
        blocks_max: 9,
        bytes_max: 1 << 20,
    });
    assert_eq!(kernel.try_alloc(37, &mut Liar), Err(Refused::Memory));
    assert_eq!(kernel.try_alloc(32, &mut Liar), Ok(64));
    assert_eq!(kernel.try_alloc(1, &mut Liar), Err(Refused::Memory));
}

#[test]
fn a_memory_may_be_a_trait_object() {
    let (mut kernel, mut memory) = roomy();
    let memory: &mut dyn Memory = &mut memory;
    assert_eq!(kernel.begin(8, memory), Ok(64));
}

#[test]
fn a_clone_goes_its_own_way() {
    let (mut kernel, mut memory) = roomy();
    kernel.begin(8, &mut memory).expect("there is room");
    let mut other = kernel.clone();
    let block = other.alloc(9, &mut memory);
    assert_eq!((kernel.length(block), other.length(block)), (0, 9));
    assert_eq!(
        (kernel.input(), other.input()),
        (range(64, 8), range(64, 8))
    );
}
