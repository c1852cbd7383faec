//! `consign catalog new`: a starter for an operation of one's own, sound as it is.

use super::Invocation;
use crate::failure::Failure;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign catalog new order.place > shop/order.yaml
  consign catalog check shop && consign catalog test shop

docs/catalog.md describes each line, docs/tutorial.md builds a shop.";

const STARTER: &str = include_str!("new/starter.yaml");

/// Write a commented starter for an operation of your own
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Dotted name of subject and verb, such as order.place
    #[arg(value_name = "NAME")]
    name: String,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let noun = match arguments.name.split_once('.') {
        Some((noun, verb)) if is_word(noun) && verb.split('.').all(is_word) => noun,
        _ => {
            let failure = Failure::usage(format!("`{}` is no name", arguments.name));
            return Err(failure.hint("words with dots between them, such as order.place"));
        }
    };
    let starter = STARTER
        .replace("NAME", &arguments.name)
        .replace("NOUN_TABLE", &noun.to_lowercase())
        .replace("NOUN", noun);
    invocation.output.result(&starter, String::clone)
}
