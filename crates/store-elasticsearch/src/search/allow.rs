//! What may be sent, by lists: clauses, aggregations and their parameters. Scripts, and whatever
//! reads other indices than those that are searched, are refused by name wherever they stand. A
//! clause or an aggregation that is not known here is refused, never passed on, and a member beside
//! clauses that is not known makes the search a malformed one. Whether a search is well formed is left to the index.

mod aggregation;
mod clause;
mod page;
mod query_text;

pub(super) use clause::query;

use store::{SearchRequest, StoreError, cell::pointer, mapping::is_metadata};

pub(super) fn search(request: &SearchRequest) -> Result<(), StoreError> {
    if let Some(wanted) = &request.query {
        query(wanted, "/query")?;
    }
    if let Some(wanted) = &request.post_filter {
        query(wanted, "/post_filter")?;
    }
    if let Some(all) = &request.aggregations {
        aggregation::all(all, "/aggs")?;
    }
    for (name, value, check) in [
        ("sort", &request.sort, page::sort as page::Check),
        ("highlight", &request.highlight, page::highlight),
        ("collapse", &request.collapse, page::collapse),
        ("suggest", &request.suggest, page::suggest),
        ("rescore", &request.rescore, page::rescore),
        ("_source", &request.source, page::plain),
        ("fields", &request.fields, page::fields),
        ("docvalue_fields", &request.docvalue_fields, page::fields),
    ] {
        if let Some(value) = value {
            check(value, &pointer("", name))?;
        }
    }
    Ok(())
}

/// What is refused, and where it stands.
fn refused(what: impl Into<String>, at: &str) -> StoreError {
    StoreError::Unsupported {
        clause: what.into(),
        pointer: at.to_owned(),
    }
}

/// A field of the index itself, or of our member. Ids are the documents'.
pub(super) fn is_ours(field: &str) -> bool {
    field != "_id" && is_metadata(field)
}

fn refuse_ours(field: &str, at: &str) -> Result<(), StoreError> {
    if is_ours(field) {
        return Err(refused("a field of the index itself", at));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
