//! Hooks as files declare them: which requests each is asked about is resolved, and one that would be
//! asked about nothing, or told what is sealed, does not load. See ADR 27.

use crate::{
    definition::{DocumentTarget, FileDefinition, HookDefinition, OperationDefinition},
    expression::did_you_mean,
    hook::{Hook, HookScope},
    schema::is_collection_name,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// The longest that a request may be kept waiting for one.
const LONGEST: u64 = 60_000;

/// All that files declare, in the order in which they are asked.
pub(crate) fn collect_hooks(files: &[(String, FileDefinition)]) -> Result<Vec<Arc<Hook>>, String> {
    let operations = files.iter().flat_map(|(_, file)| &file.operations);
    let operations: BTreeMap<&str, &OperationDefinition> = operations
        .map(|operation| (&*operation.name, operation))
        .collect();
    let mut hooks: BTreeMap<&str, Hook> = BTreeMap::new();
    for (file, definition) in files {
        for declared in &definition.hooks {
            let told = |why: String| format!("{file}: hook `{}`: {why}", declared.name);
            let hook = compile_hook(declared, &operations).map_err(told)?;
            if hooks.insert(&declared.name, hook).is_some() {
                return Err(told("it is declared twice".to_owned()));
            }
        }
    }
    add_named(files, &mut hooks)?;
    check_scopes(files, &operations, &hooks)?;
    let mut hooks: Vec<_> = hooks.into_values().map(Arc::new).collect();
    hooks.sort_by_key(|hook| hook.order);
    Ok(hooks)
}

/// Operations may name hooks themselves.
fn add_named(
    files: &[(String, FileDefinition)],
    hooks: &mut BTreeMap<&str, Hook>,
) -> Result<(), String> {
    for (file, definition) in files {
        for operation in &definition.operations {
            let name = &operation.name;
            for (n, wanted) in operation.before.iter().enumerate() {
                let told = |why: String| format!("{file}: operation `{name}`: before[{n}]: {why}");
                check_may_be_asked(operation).map_err(told)?;
                let hint = did_you_mean(wanted, hooks.keys().copied());
                let hook = hooks
                    .get_mut(&**wanted)
                    .ok_or_else(|| told(format!("there is no hook `{wanted}`{hint}")))?;
                hook.scope.named_by.insert(name.clone());
            }
        }
    }
    Ok(())
}

fn compile_hook(
    declared: &HookDefinition,
    operations: &BTreeMap<&str, &OperationDefinition>,
) -> Result<Hook, String> {
    check_name(&declared.name)?;
    check_url(&declared.url)?;
    if !(1..=LONGEST).contains(&declared.timeout_ms) {
        return Err(format!("timeout_ms: is between 1 and {LONGEST}"));
    }
    for name in &declared.operations {
        let operation = operations.get(&**name).ok_or_else(|| {
            let hint = did_you_mean(name, operations.keys().copied());
            format!("operations: there is no operation `{name}`{hint}")
        })?;
        check_may_be_asked(operation).map_err(|why| format!("operations: `{name}`: {why}"))?;
    }
    let collections = declared.collections.iter().map(|text| collection_of(text));
    Ok(Hook {
        name: declared.name.clone(),
        url: declared.url.clone(),
        timeout: Duration::from_millis(declared.timeout_ms),
        on_failure: declared.on_failure,
        order: declared.order,
        scope: HookScope {
            named_by: BTreeSet::new(),
            operations: declared.operations.iter().cloned().collect(),
            collections: collections.collect::<Result<_, _>>()?,
        },
    })
}

/// It is the name of a header's value, a label and a file.
fn check_name(name: &str) -> Result<(), String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = name
        .bytes()
        .all(|byte| letter(byte) || b"._-".contains(&byte))
        && name.bytes().next().is_some_and(letter)
        && name.len() <= 60;
    is_name
        .then_some(())
        .ok_or_else(|| "name: is of a-z, 0-9, `.`, `_` and `-`, at most 60".to_owned())
}

/// What can be told without a look at the deployment's settings.
fn check_url(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        None => Err(format!("url: `{url}` is no address: `https://host/path`")),
        Some(host) if host.is_empty() || url.contains(char::is_whitespace) => {
            Err(format!("url: `{url}` names no host"))
        }
        Some(host) if host.contains('@') => {
            Err("url: it holds a password, and definitions are kept in the log".to_owned())
        }
        Some(_) => Ok(()),
    }
}

fn check_may_be_asked(operation: &OperationDefinition) -> Result<(), String> {
    if operation.internal {
        return Err(
            "only other operations ask for it, when they are decided: no hook is asked then"
                .to_owned(),
        );
    }
    if let Some(many) = &operation.many {
        let of = &many.of;
        return Err(format!(
            "its documents are asked about one by one, as requests of `{of}`: name that"
        ));
    }
    if operation.upload.is_some() {
        return Err(
            "its lines are asked about one by one: name the operations that they ask for"
                .to_owned(),
        );
    }
    Ok(())
}

fn collection_of(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('/');
    let pair = pair.filter(|(index, name)| is_collection_name(index) && is_collection_name(name));
    pair.map(|(index, name)| (index.to_owned(), name.to_owned()))
        .ok_or_else(|| format!("collections: `{text}` is no `index/collection`"))
}

/// A hook that is never asked is a mistake, and one that is told what is sealed must say that it may.
fn check_scopes(
    files: &[(String, FileDefinition)],
    operations: &BTreeMap<&str, &OperationDefinition>,
    hooks: &BTreeMap<&str, Hook>,
) -> Result<(), String> {
    for (file, definition) in files {
        for declared in &definition.hooks {
            let told = |why: String| format!("{file}: hook `{}`: {why}", declared.name);
            let hook = &hooks[&*declared.name];
            if hook.scope.is_open() && hook.scope.named_by.is_empty() {
                let why = "it is never asked: list `operations` or `collections`, or name it in an operation's `before`";
                return Err(told(why.to_owned()));
            }
            for operation in operations.values().filter(|known| is_accepted(known)) {
                let touched = constant_collections(operation, operations);
                let is_told = hook.is_asked(&operation.name, &touched);
                if is_told && !operation.sealed.is_empty() && !declared.sees_sealed {
                    return Err(told(format!(
                        "it would be told what `{}` seals (`{}`): say `sees_sealed: true` if it may",
                        operation.name,
                        operation.sealed.join("`, `")
                    )));
                }
            }
            let owned = files.iter().flat_map(|(_, file)| &file.collections);
            for own in owned {
                let pair = (own.index.clone(), own.collection.clone());
                let mut open = operations.values().filter(|known| is_accepted(known));
                let is_written =
                    open.any(|known| constant_collections(known, operations).contains(&pair));
                if hook.scope.collections.contains(&pair) && !is_written {
                    return Err(told(format!(
                        "collections: no client writes `{}/{}`",
                        pair.0, pair.1
                    )));
                }
            }
        }
    }
    Ok(())
}

fn is_accepted(operation: &OperationDefinition) -> bool {
    check_may_be_asked(operation).is_ok()
}

/// The collections that a definition names, those of its parts included.
fn constant_collections(
    operation: &OperationDefinition,
    operations: &BTreeMap<&str, &OperationDefinition>,
) -> Vec<(String, String)> {
    let parts = operation.parts.iter();
    let parts = parts.filter_map(|part| operations.get(&*part.operation).copied());
    let all = std::iter::once(operation).chain(parts);
    let writes = all.flat_map(|operation| &operation.write);
    let targets = writes.filter_map(|write| write.document.as_ref());
    let pair = |target: &DocumentTarget| {
        let text = |value: &serde_json::Value| {
            let text = value.as_str().filter(|text| !text.starts_with('$'));
            text.map(str::to_owned)
        };
        Some((text(&target.index)?, text(&target.collection)?))
    };
    targets.filter_map(pair).collect()
}

#[cfg(test)]
mod tests;
