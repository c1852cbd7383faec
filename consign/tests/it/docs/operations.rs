//! The page of operations, made from the catalog that is built in.

use catalog::{Catalog, Operation, OperationOutline};
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
# Operations

What is built in, made from the catalog by `cargo run -p xtask -- docs`. `GET /v1/operations` lists the same; how operations are declared is told
in [catalog.md](catalog.md). Each can be asked for by `POST /v1/operations/{name}` beside its own route. *Refuses* names what beside its schema it
refuses, by the stable name that the answer carries.
";

const PARTS: &str = "\
## Parts

What operations do to documents and rows of other keys, and how the gateway writes users and rights ([security.md](security.md)). No client
asks for these.
";

pub fn page() -> String {
    let catalog = Catalog::builtin().expect("the built-in definitions are sound");
    let (parts, public): (Vec<&Operation>, Vec<&Operation>) =
        catalog.operations().partition(|known| known.internal());
    let mut page = INTRODUCTION.to_owned();
    let mut family = "";
    for operation in public {
        let of = operation.name().split('.').next().unwrap_or_default();
        if of != family {
            family = of;
            _ = write!(page, "\n## {family}\n");
        }
        page += &section(&operation.outline());
    }
    page += "\n";
    page += PARTS;
    for operation in parts {
        page += &section(&operation.outline());
    }
    page
}

fn section(outline: &OperationOutline<'_>) -> String {
    let mut text = format!("\n### {}\n\n{}\n\n", outline.name, outline.summary);
    if let Some(http) = outline.http {
        let routes: Vec<String> = http
            .each()
            .map(|(method, path)| format!("`{method} {path}`"))
            .collect();
        _ = writeln!(text, "- Route: {}", routes.join(", also "));
    }
    let order = format!("{:?}", outline.order).to_lowercase();
    let kind = format!("{:?}", outline.kind).to_lowercase();
    _ = writeln!(text, "- Kind: {kind}, {order} order");
    if let Some(key) = &outline.key {
        _ = writeln!(text, "- Key: `{key}`");
    }
    let documents: Vec<&str> = outline.documents.iter().map(String::as_str).collect();
    let before: Vec<&str> = outline.before.iter().map(String::as_str).collect();
    for (name, list) in [
        ("Documents", &documents),
        ("Tables", &outline.tables),
        ("Parts", &outline.parts),
        ("Takes", &outline.claims),
        ("Asked before", &before),
        ("Refuses", &outline.refuses),
    ] {
        if !list.is_empty() {
            _ = writeln!(text, "- {name}: `{}`", list.join("`, `"));
        }
    }
    text
}
