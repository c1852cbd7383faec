//! Nothing but its dependencies. `cargo test -p X` builds third-party crates with the features that
//! X alone needs, so each X would build many of them once more than a build of the whole workspace
//! did. With this among its development dependencies it asks for the features of all. Nothing that
//! ships may depend on it.
