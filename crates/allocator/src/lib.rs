//! The allocator of the `klaar` command, for Rust, SQLite and libpq alike: their threads would wait for one another in the C
//! library's.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its Rust names leave out: how long freed memory waits to be given back.
const PURGE_DELAY: mi_option_t = 15;
/// Milliseconds. As it comes, it is a second, in which an export frees and takes its whole file once.
const DELAY: c_long = 100;

/// Has freed memory given back after a tenth of a second, unless `MIMALLOC_PURGE_DELAY` says how long. Called once, when the
/// process begins.
pub fn give_back_soon() {
    #[expect(
        unsafe_code,
        reason = "mimalloc takes its options over C alone; this one is a number in a table of its own"
    )]
    unsafe {
        mi_option_set_default(PURGE_DELAY, DELAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        let delay = || {
            #[expect(unsafe_code, reason = "the same table, read")]
            unsafe {
                libmimalloc_sys::mi_option_get(PURGE_DELAY)
            }
        };
        assert_eq!(delay(), 1000, "what a version of mimalloc comes with; look its number and its name up again");
        give_back_soon();
        assert_eq!(delay(), DELAY);
    }
}
