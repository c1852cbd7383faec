//! The allocator of this crate's unit tests: the system's, which counts the bytes that each thread
//! holds. Never a part of anything but tests.
#![allow(
    unsafe_code,
    reason = "an allocator has no safe interface; each call is handed on as it came"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct CountedMemory;

#[global_allocator]
static MEMORY: CountedMemory = CountedMemory;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Bytes that this thread allocated, less those that it freed.
pub(super) fn held_by_this_thread() -> isize {
    HELD.get()
}

fn count(bytes: isize) {
    // None: the thread ends.
    _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: all of it is the system's.
unsafe impl GlobalAlloc for CountedMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}
