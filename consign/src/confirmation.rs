//! Questions that a person answers before something is done that cannot be undone.

use crate::failure::Failure;
use std::io::{IsTerminal, Write};

/// Asks at a terminal, unless `yes` says it already; a script that names what it moves is not
/// asked.
pub fn ask_confirmation(question: &str, yes: bool) -> Result<(), Failure> {
    if yes || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    if is_confirmed(question) {
        Ok(())
    } else {
        Err(Failure::failed("nothing was done").hint("--yes says it beforehand"))
    }
}

/// Likewise, where a script must say it: what is done is not named by whoever calls.
pub fn require_confirmation(question: &str, yes: bool, nothing: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let why = "there is no terminal to ask on";
        return Err(Failure::usage(why).hint("--yes does it without asking"));
    }
    if is_confirmed(question) {
        Ok(())
    } else {
        Err(Failure::failed(nothing))
    }
}

fn is_confirmed(question: &str) -> bool {
    eprint!("{question} [y/N] ");
    _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}
