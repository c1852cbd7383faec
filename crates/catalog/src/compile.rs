//! Definitions to operations: every name is resolved and every expression parsed when the catalog
//! is loaded, so that a wrong definition stops the start and not a request. Errors are sentences
//! that name operation and field.

mod hooks;
mod others;
mod writes;

pub(crate) use hooks::collect_hooks;

use crate::{
    definition::{
        FileDefinition, GuardDefinition, KeyDefinition, OperationDefinition, RuleDefinition,
        UploadDefinition,
    },
    expression::{Expr, Names, Reach, did_you_mean},
    generate::Generator,
    operation::{Guard, Many, Operation, OperationHome, Program, Rule},
    route,
    schema::Schema,
    table::{self, OwnTable},
    upload::Upload,
    vocabulary::Kind,
};
use event_schema::{held, outcome::RefusalCode};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Known when a request is accepted, hence before anything is read.
const ACCEPTED: Reach = Reach::REQUEST
    .and(Reach::GENERATED)
    .and(Reach::LOOKED)
    .and(Reach::PRINCIPAL);

/// Tables and collections, which operations refer to.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub tables: BTreeMap<String, OwnTable>,
    /// (index, collection) → owner.
    pub collections: BTreeMap<(String, String), String>,
    /// (index, collection) → an operation that writes there.
    pub owned: Arc<BTreeMap<(String, String), String>>,
    pub home: Arc<OperationHome>,
}

impl Surroundings {
    pub fn collect(files: &[(String, FileDefinition)]) -> Result<Self, String> {
        let mut found = Self::default();
        for (file, definition) in files {
            for table in &definition.tables {
                let own = table::compile_table(table)
                    .map_err(|e| format!("{file}: table `{}`: {e}", table.name))?;
                if [held::HELD, held::LOCKS].contains(&table.name.as_str()) {
                    return Err(format!(
                        "{file}: table `{}`: the name is taken by what is held for a person",
                        table.name
                    ));
                }
                if let Some(twice) = found.tables.insert(own.table.name.clone(), own) {
                    return Err(format!(
                        "{file}: table `{}` is declared twice",
                        twice.table.name
                    ));
                }
            }
            for own in &definition.collections {
                let pair = (own.index.clone(), own.collection.clone());
                if !crate::schema::is_collection_name(&own.index)
                    || !crate::schema::is_collection_name(&own.collection)
                {
                    return Err(format!(
                        "{file}: collection `{}/{}`: names are of a-z, 0-9, `_` and `-`",
                        own.index, own.collection
                    ));
                }
                if found.collections.insert(pair, own.owner.clone()).is_some() {
                    return Err(format!(
                        "{file}: collection `{}/{}` is declared twice",
                        own.index, own.collection
                    ));
                }
            }
        }
        found.owned = Arc::new(owned_collections(files, &found.collections));
        Ok(found)
    }
}

/// Every owned collection with the operation that is named where `document.*` is refused.
fn owned_collections(
    files: &[(String, FileDefinition)],
    collections: &BTreeMap<(String, String), String>,
) -> BTreeMap<(String, String), String> {
    let writes = |operation: &OperationDefinition, pair: &(String, String)| {
        let targets = operation
            .write
            .iter()
            .filter_map(|write| write.document.as_ref());
        targets.into_iter().any(|target| {
            target.index.as_str() == Some(&pair.0) && target.collection.as_str() == Some(&pair.1)
        })
    };
    let first = |pair: &(String, String)| {
        let mut operations = files.iter().flat_map(|(_, file)| &file.operations);
        operations
            .find(|operation| writes(operation, pair))
            .map(|operation| operation.name.clone())
    };
    collections
        .iter()
        .map(|(pair, owner)| {
            (
                pair.clone(),
                first(pair).unwrap_or_else(|| format!("{owner}.*")),
            )
        })
        .collect()
}

/// Compiles one operation; `known` holds those it may be the many-document form of.
pub(crate) fn compile_operation(
    definition: &OperationDefinition,
    surroundings: &Surroundings,
    known: &BTreeMap<String, Arc<Operation>>,
) -> Result<Operation, String> {
    check_name(&definition.name)?;
    let schema = Schema::compile(&definition.request).map_err(|e| format!("request: {e}"))?;
    if definition.request.get("type").and_then(Value::as_str) != Some("object") {
        return Err("request: a request is an object: its schema says `type: object`".into());
    }
    if definition.summary.trim().is_empty() || definition.examples.is_empty() {
        return Err("summary and at least one of `examples` are needed: they are the operation's documentation".into());
    }
    let many = definition.many.as_ref().map(|many| {
        let of = known.get(&many.of).ok_or_else(|| {
            let hint = did_you_mean(&many.of, known.keys().map(String::as_str));
            format!(
                "many.of: there is no operation `{}` that writes single documents{hint}",
                many.of
            )
        })?;
        Ok::<_, String>(Many {
            of: Arc::clone(of),
            items: many.items.clone(),
            becomes: many.becomes.clone(),
        })
    });
    let many = many.transpose()?;
    let (program, kind, order) = match &many {
        Some(many) => (Program::default(), many.of.kind, many.of.order),
        None => (
            compile_program(definition, surroundings, known)?,
            definition.kind.unwrap_or_default(),
            definition.order.unwrap_or_default(),
        ),
    };
    let (refusals, examples) = definition
        .examples
        .iter()
        .cloned()
        .partition(|example| example.refused.is_some());
    let operation = Operation {
        name: definition.name.clone(),
        summary: definition.summary.trim().to_owned(),
        kind,
        order,
        http: definition.http.clone(),
        envelope: definition.envelope,
        internal: definition.internal,
        silent: definition.silent,
        schema,
        examples,
        refusals,
        many,
        upload: match &definition.upload {
            Some(declared) => Some(compile_upload(declared, known)?),
            None => None,
        },
        program,
        home: Arc::clone(&surroundings.home),
    };
    check_shape(definition, &operation)?;
    Ok(operation)
}

fn check_name(name: &str) -> Result<(), String> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if name.len() <= 100 && name.contains('.') && name.split('.').all(part) {
        Ok(())
    } else {
        Err(format!(
            "name: `{name}` should be words with dots between them, such as `user.create`"
        ))
    }
}

fn check_shape(definition: &OperationDefinition, operation: &Operation) -> Result<(), String> {
    if let Some(http) = &definition.http {
        route::check_routes(http).map_err(|e| format!("http: {e}"))?;
    }
    for raw in &definition.raw {
        if !operation.takes(raw) {
            return Err(format!("raw: the request's schema has no member `{raw}`"));
        }
    }
    match (&operation.many, operation.kind) {
        (Some(many), _) if !operation.takes(&many.items) => Err(format!("many.items: the request's schema has no member `{}`", many.items)),
        (Some(_), _) if !definition.write.is_empty() || definition.key.is_some() || definition.result.is_some() => {
            Err("a many-document form has no key, write or result: those are of the operation it is the form of".into())
        }
        (None, Kind::Transaction) if definition.write.is_empty() && definition.parts.is_empty() => {
            Err("write: an operation that writes nothing is `kind: informative`".into())
        }
        (None, Kind::Informative) if !definition.write.is_empty() || definition.result.is_some() => {
            Err("an informative operation writes nothing and has no result".into())
        }
        _ => Ok(()),
    }
}

fn compile_program(
    definition: &OperationDefinition,
    surroundings: &Surroundings,
    known: &BTreeMap<String, Arc<Operation>>,
) -> Result<Program, String> {
    let write_names = writes::write_names(&definition.write)?;
    let mut names = Names {
        writes: write_names.iter().filter_map(Option::as_deref).collect(),
        ..Names::default()
    };
    let generators = compile_generators(&definition.generate, &names)?;
    names.generated = definition.generate.keys().map(String::as_str).collect();
    names.looked = definition.look_up.keys().map(String::as_str).collect();
    let lets = compile_lets(&definition.lets, &mut names)?;
    let (owners, key) = compile_key(
        definition
            .key
            .as_ref()
            .ok_or("key: missing: which entity's order does it keep?")?,
        &names,
    )?;
    let place = writes::Place {
        names: &names,
        owners: &owners,
        surroundings,
        generators: &generators,
    };
    let mut writes = writes::compile_writes(&definition.write, &write_names, &place)?;
    writes::check_stages(&mut writes, &names, &lets)?;
    let already = definition.already.as_ref().map(|already| {
        names
            .parse(already)
            .and_then(|expr| allowed_expr(&expr, &names, ACCEPTED.and(Reach::CURRENT)))
            .map_err(|e| format!("already: {e}"))
    });
    let result = definition.result.as_ref().map(|result| {
        let expr = compile_body(result, &names).map_err(|e| format!("result: {e}"))?;
        allowed_expr(
            &expr,
            &names,
            ACCEPTED.and(Reach::CURRENT).and(Reach::WRITTEN),
        )
        .map_err(|e| format!("result: {e}"))
    });
    let mut program = Program {
        raw: definition.raw.clone(),
        rules: compile_rules(&definition.rules, &names)?,
        guards: compile_guards(&definition.guards, &names)?,
        result: result.transpose()?,
        owned: Arc::clone(&surroundings.owned),
        look_ups: others::look_ups(definition, &place)?,
        claims: others::compile_claims(&definition.claims, &names)?,
        parts: others::compile_parts(&definition.parts, &names, known)?,
        already: already.transpose()?,
        generators,
        lets,
        key,
        writes,
    };
    mark_what_is_shown(definition, &mut program);
    Ok(program)
}

/// Each may look at those before it.
fn compile_lets<'a>(
    definitions: &'a Map<String, Value>,
    names: &mut Names<'a>,
) -> Result<Vec<Expr>, String> {
    let mut lets = Vec::with_capacity(definitions.len());
    for (name, value) in definitions {
        let expr = names.parse(value).map_err(|e| format!("let.{name}: {e}"))?;
        if names.reach(&expr).has(Reach::BEFORE) {
            return Err(format!("let.{name}: $before is known within a write only"));
        }
        names.let_reach.push(names.reach(&expr));
        names.lets.push(name);
        lets.push(expr);
    }
    Ok(lets)
}

fn compile_generators(
    definitions: &Map<String, Value>,
    names: &Names<'_>,
) -> Result<Vec<Generator>, String> {
    let generator = |(name, definition): (&String, &Value)| {
        let generator = Generator::compile(name, definition, names)
            .map_err(|e| format!("generate.{name}: {e}"))?;
        for expr in generator.exprs() {
            check_reach(expr, names, Reach::REQUEST)
                .map_err(|e| format!("generate.{name}: {e}"))?;
        }
        Ok(generator)
    };
    definitions.iter().map(generator).collect()
}

fn compile_key(
    definition: &KeyDefinition,
    names: &Names<'_>,
) -> Result<(Vec<String>, Vec<Expr>), String> {
    let parse = |value: &Value| allowed_expr(&names.parse(value)?, names, ACCEPTED);
    let of: Vec<String> = if definition.among.is_empty() {
        definition.of.iter().cloned().collect()
    } else {
        definition.among.clone()
    };
    let parts =
        match (&definition.of, &definition.id, &definition.path) {
            (Some(of), Some(id), None) => vec![
                parse(&of.as_str().into()).map_err(|e| format!("key.of: {e}"))?,
                parse(id).map_err(|e| format!("key.id: {e}"))?,
            ],
            (None, None, Some(path)) if !path.is_empty() => path
                .iter()
                .map(parse)
                .collect::<Result<_, _>>()
                .map_err(|e| format!("key.path: {e}"))?,
            _ => return Err(
                "key: is either {of, id}, such as {of: user, id: $generated/id}, or {path: […]}"
                    .into(),
            ),
        };
    Ok((of, parts))
}

fn compile_rules(definitions: &[RuleDefinition], names: &Names<'_>) -> Result<Vec<Rule>, String> {
    let rule = |(n, definition): (usize, &RuleDefinition)| {
        let that = names
            .parse(&definition.that)
            .and_then(|that| allowed_expr(&that, names, ACCEPTED))
            .map_err(|e| format!("rules[{n}].that: {e}"))?;
        Ok(Rule {
            that,
            rule: definition.rule.clone(),
            at: definition.at.clone(),
            say: definition.say.clone(),
        })
    };
    definitions.iter().enumerate().map(rule).collect()
}

fn compile_guards(
    definitions: &[GuardDefinition],
    names: &Names<'_>,
) -> Result<Vec<Guard>, String> {
    let guard = |(n, definition): (usize, &GuardDefinition)| {
        if !matches!(
            definition.code,
            RefusalCode::Rule
                | RefusalCode::Exists
                | RefusalCode::Missing
                | RefusalCode::Forbidden
                | RefusalCode::RateLimited
        ) {
            return Err(format!(
                "guards[{n}].code: a guard refuses as rule, exists, missing, forbidden or rate_limited"
            ));
        }
        let allowed = ACCEPTED.and(Reach::CURRENT);
        let that = names
            .parse(&definition.that)
            .and_then(|that| allowed_expr(&that, names, allowed))
            .map_err(|e| format!("guards[{n}].that: {e}"))?;
        Ok(Guard {
            that,
            code: definition.code,
            rule: definition.rule.clone(),
            at: definition.at.clone(),
            say: definition.say.clone(),
        })
    };
    definitions.iter().enumerate().map(guard).collect()
}

/// Names and values, or one value, or a list of those, the later over the earlier. In a list, what
/// looks like a call is one.
fn compile_body(value: &Value, names: &Names<'_>) -> Result<Expr, String> {
    match value {
        Value::Object(fields) => names.fields(fields).map(Expr::Object),
        Value::Array(bodies) => {
            let one = |one: &Value| match one {
                Value::Object(fields) if !names.is_call(fields) => {
                    names.fields(fields).map(Expr::Object)
                }
                other => names.parse(other),
            };
            let bodies: Result<Vec<_>, _> = bodies.iter().map(one).collect();
            names.call_of("merge", bodies?)
        }
        other => names.parse(other),
    }
}

fn allowed_expr(expr: &Expr, names: &Names<'_>, allowed: Reach) -> Result<Expr, String> {
    check_reach(expr, names, allowed).map(|()| expr.clone())
}

fn check_reach(expr: &Expr, names: &Names<'_>, allowed: Reach) -> Result<(), String> {
    let reach = names.reach(expr);
    if reach.within(allowed) {
        Ok(())
    } else {
        Err(format!(
            "{} cannot be used here: not known at this point",
            reach.beyond(allowed)
        ))
    }
}

/// Bodies are parsed for `$current` only where the definition mentions it. Found in its text: a
/// mention too many costs a parse, no more.
fn mark_what_is_shown(definition: &OperationDefinition, program: &mut Program) {
    let text = serde_json::to_string(definition).unwrap_or_default();
    for write in &mut program.writes {
        write.is_shown = write
            .name
            .as_ref()
            .is_some_and(|name| text.contains(&format!("$current/{name}")));
    }
}

/// The file that an operation takes.
fn compile_upload(
    declared: &UploadDefinition,
    known: &BTreeMap<String, Arc<Operation>>,
) -> Result<Upload, String> {
    let line = &declared.line;
    if !known.contains_key(line) {
        let hint = did_you_mean(line, known.keys().map(String::as_str));
        return Err(format!(
            "upload.line: there is no operation `{line}` without a file{hint}"
        ));
    }
    Upload::new(line, declared.lines, &declared.columns, &declared.mandatory)
}

#[cfg(test)]
mod tests;
