//! An allocator that counts what it gives and takes back.

#![allow(dead_code)] // nobody needs all of it

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Octets on the heap, of all threads.
static HEAP: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Octets that this thread took from the heap, less those that it gave back.
    static OWN: Cell<isize> = const { Cell::new(0) };
    /// How often this thread has asked for some.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// Octets on the heap, of all threads.
pub fn held() -> usize {
    HEAP.load(Relaxed).max(0) as usize
}

/// Octets that this thread took from the heap, less those that it gave back.
pub fn held_by_this_thread() -> isize {
    OWN.get()
}

/// How often this thread has asked for some.
pub fn asked() -> usize {
    ASKED.get()
}

struct Counting;

impl Counting {
    fn count(octets: isize) {
        HEAP.fetch_add(octets, Relaxed);
        OWN.set(OWN.get() + octets);
    }
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size() as isize);
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Counting::count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
