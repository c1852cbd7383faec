//! The binary: hands its arguments to the library and exits with what comes back. Nothing else may
//! be here but the allocator.

use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    consign::main(std::env::args_os())
}
