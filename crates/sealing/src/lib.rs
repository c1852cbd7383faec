//! Sealed values: what the catalog marks is a cipher text in the log, the stores, dead letters and
//! notifications, and plain only in the memory of a gateway and a worker. See ADR 19.
//!
//! Each subject (an entity key such as `user/42`) has a key of its own, kept in the record store and
//! wrapped by a master key. Once it is erased, nothing of the subject can be read any more, wherever
//! copies are. It must never print or log a key or what was sealed.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod boundary;
mod cipher;
pub mod mask;
mod master;
mod subject_keys;

pub use boundary::{EditUnsealable, SealedBoundary, SubjectErased};
pub use cipher::{KeyId, SubjectAccess, SubjectKey, ValuePlace};
pub use master::{BadMasterKey, MasterKeys};
pub use subject_keys::{ErasedSubject, Erasure, RotationReport, SubjectKeys};
