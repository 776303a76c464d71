//! The allocator of a policy: it goes forward and never back, because an instance lives for one call.
//!
//! The first [`FIRST`] bytes are part of the component's initial memory, so that a small decision never asks for more:
//! growing, and taking back what grew, costs the host more than a small decision itself. What is freed last is used
//! again, so a text that is built up or thrown away at once takes its room only once.
//!
//! Invariant: `next..end` was never handed out, or was handed out last and given back.

#![allow(unsafe_code, reason = "an allocator implements an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;

/// Bytes that are there from the start.
const FIRST: usize = 1 << 20;
/// Bytes of a page of WebAssembly's memory.
const PAGE: usize = 1 << 16;
/// Least pages that are asked for at once.
const PAGES: usize = 16;

/// The allocator of every policy.
#[global_allocator]
static ARENA: Arena = Arena { next: Cell::new(0), end: Cell::new(0), start: UnsafeCell::new([0; FIRST]) };

#[repr(align(16))]
struct Arena {
    /// Address of the next free byte; 0 before the first call.
    next: Cell<usize>,
    end: Cell<usize>,
    start: UnsafeCell<[u8; FIRST]>,
}

// SAFETY: a component's memory belongs to one thread.
unsafe impl Sync for Arena {}

impl Arena {
    /// Takes `size` bytes at a multiple of `align`, a power of two; `None` when memory is at its limit.
    fn take(&self, size: usize, align: usize) -> Option<usize> {
        if self.end.get() == 0 {
            let start = self.start.get() as usize;
            self.next.set(start);
            self.end.set(start + FIRST);
        }
        if let Some((begin, after)) = place(self.next.get(), size, align).filter(|(_, after)| *after <= self.end.get())
        {
            self.next.set(after);
            return Some(begin);
        }
        let pages = size.checked_add(align)?.div_ceil(PAGE).max(PAGES);
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        if before == usize::MAX {
            return None;
        }
        // What is left of the room before is lost, unless it ends where the new one begins.
        let begin = before * PAGE;
        if self.end.get() != begin {
            self.next.set(begin);
        }
        // The last page of a 4 GiB memory ends where addresses do, and is never given: the host's limit is far below.
        self.end.set(begin.checked_add(pages * PAGE)?);
        let (begin, after) = place(self.next.get(), size, align)?;
        self.next.set(after);
        Some(begin)
    }
}

fn place(next: usize, size: usize, align: usize) -> Option<(usize, usize)> {
    let begin = next.checked_add(align - 1)? & !(align - 1);
    Some((begin, begin.checked_add(size)?))
}

// SAFETY: every range that `take` gives lies in memory and overlaps no other that is in use.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size(), layout.align()).map_or(null_mut(), |begin| begin as *mut u8)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block as usize + layout.size() == self.next.get() {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let begin = block as usize;
        let is_last = begin + layout.size() == self.next.get();
        if size <= layout.size() {
            if is_last {
                self.next.set(begin + size);
            }
            return block;
        }
        if is_last && begin.checked_add(size).is_some_and(|after| after <= self.end.get()) {
            self.next.set(begin + size);
            return block;
        }
        let Some(moved) = self.take(size, layout.align()) else { return null_mut() };
        // SAFETY: both ranges are ours, and a range that was just taken overlaps none.
        unsafe { std::ptr::copy_nonoverlapping(block, moved as *mut u8, layout.size()) };
        moved as *mut u8
    }
}
