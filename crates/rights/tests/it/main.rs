//! The law of rights: what is compiled says what a plain evaluator says, which reads the rule word
//! by word.

mod evaluator;
mod formats;
mod law;
mod sets;
