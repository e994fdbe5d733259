//! The black-box tests live in `it/`; this library is empty because a package needs a target.
