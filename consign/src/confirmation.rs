//! Questions that a person answers before something is done that cannot be undone.

use crate::failure::Failure;
use std::io::{IsTerminal, Write};

/// Asks at a terminal, unless `yes` says it already; a script that names what it moves is not
/// asked.
pub fn ask_confirmation(question: &str, yes: bool) -> Result<(), Failure> {
    if yes || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    if read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::failed("nothing was done").hint("--yes says it beforehand"))
    }
}
