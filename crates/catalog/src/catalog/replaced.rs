//! Operations that take the place of those that earlier files declare, where they say so. A name alone
//! never replaces anything, and what the service itself asks for cannot be replaced.

use super::CatalogError;
use crate::{definition::FileDefinition, expression::did_you_mean};

/// The first words of what the service itself asks for.
const OWN: [&str; 4] = ["document", "realtime", "security", "upload"];

/// May a later file put another operation in the place of this one?
pub(super) fn may_be_replaced(name: &str) -> bool {
    let word = name.split('.').next().unwrap_or_default();
    !OWN.contains(&word)
}

/// Takes out of each file what a later one replaces; what is wrong with replacements. The files come in
/// the order in which they are read: what is built in, then folder by folder.
pub(super) fn take_out_replaced(files: &mut [(String, FileDefinition)]) -> Vec<CatalogError> {
    let mut mistakes = Vec::new();
    for at in 0..files.len() {
        let (before, rest) = files.split_at_mut(at);
        let Some((file, definition)) = rest.first_mut() else {
            continue;
        };
        let replacing = definition.operations.iter_mut();
        for operation in replacing.filter(|operation| operation.replaces) {
            // What travels is what it has become.
            operation.replaces = false;
            if let Err(why) = take_out(before, &operation.name) {
                let name = &operation.name;
                mistakes.push(CatalogError(format!("{file}: operation `{name}`: {why}")));
            }
        }
    }
    mistakes
}

fn take_out(files: &mut [(String, FileDefinition)], name: &str) -> Result<(), String> {
    if !may_be_replaced(name) {
        return Err("the service itself asks for it, so it cannot be replaced".to_owned());
    }
    for (_, definition) in files.iter_mut() {
        let operations = &mut definition.operations;
        if let Some(at) = operations.iter().position(|one| one.name == name) {
            operations.remove(at);
            return Ok(());
        }
    }
    let declared = files.iter().flat_map(|(_, file)| &file.operations);
    let near = did_you_mean(name, declared.map(|operation| operation.name.as_str()));
    Err(format!(
        "replaces an operation that no earlier file declares{near}"
    ))
}
