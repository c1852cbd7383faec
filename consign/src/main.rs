//! The binary: hands its arguments to the library and exits with what comes back. Nothing else may be here.

use std::process::ExitCode;

fn main() -> ExitCode {
    consign::main(std::env::args_os())
}
