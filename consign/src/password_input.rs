//! Passwords for commands: from a terminal that does not show them, or from a file. Never among
//! arguments, which others on the machine can read.

use crate::failure::Failure;
use clap::Args;
use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

/// Where a password comes from.
#[derive(Clone, Debug, Args)]
pub struct PasswordSource {
    /// File whose first line is the password, - for standard input; without it: asked at the terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The password that somebody has.
    pub fn read(&self, prompt: &str) -> Result<String, Failure> {
        match &self.password_file {
            None => ask(prompt),
            Some(file) if file.as_os_str() == "-" => first_line(io::stdin().lock()),
            Some(file) => {
                let named =
                    |error: io::Error| Failure::usage(format!("{}: {error}", file.display()));
                if runtime::secret_file::is_open_to_others(file).map_err(named)? {
                    let why = format!("{}: others on this machine can read it", file.display());
                    return Err(Failure::usage(why).hint(format!("chmod 600 {}", file.display())));
                }
                first_line(io::BufReader::new(
                    std::fs::File::open(file).map_err(named)?,
                ))
            }
        }
    }

    /// A password that somebody is to have: typed twice at a terminal.
    pub fn read_new(&self, prompt: &str) -> Result<String, Failure> {
        let password = self.read(prompt)?;
        if self.password_file.is_none() && ask("once more: ")? != password {
            return Err(Failure::usage("the two are not the same"));
        }
        Ok(password)
    }
}

fn first_line(mut source: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    source.read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::usage(
            "the first line, which is the password, is empty",
        ));
    }
    Ok(password.to_owned())
}

fn ask(prompt: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::usage("there is no terminal to ask for a password on")
                .hint("--password-file FILE, or --password-file - for standard input"),
        );
    }
    let terminal = console::Term::stderr();
    terminal.write_str(prompt)?;
    Ok(terminal.read_secure_line()?)
}
