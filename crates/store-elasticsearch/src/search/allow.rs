//! What may be sent, by lists: clauses, aggregations and their parameters. Scripts, and whatever
//! reads other indices than those that are searched, are refused by name wherever they stand. A
//! clause or an aggregation that is not known here is refused, never passed on, and a member beside
//! clauses that is not known makes the search a malformed one. Whether a search is well formed is left to the index.

mod aggregation;
mod clause;
mod page;
mod query_text;

pub(super) use clause::allow_query;

use store::{SearchRequest, StoreError, cell::join_pointer, mapping::is_metadata};

pub(super) fn allow_search(request: &SearchRequest) -> Result<(), StoreError> {
    if let Some(wanted) = &request.query {
        allow_query(wanted, "/query")?;
    }
    if let Some(wanted) = &request.post_filter {
        allow_query(wanted, "/post_filter")?;
    }
    if let Some(all) = &request.aggregations {
        aggregation::allow_aggregations(all, "/aggs")?;
    }
    for (name, value, check) in [
        ("sort", &request.sort, page::allow_sort as page::Check),
        ("highlight", &request.highlight, page::allow_highlight),
        ("collapse", &request.collapse, page::allow_collapse),
        ("suggest", &request.suggest, page::allow_suggest),
        ("rescore", &request.rescore, page::allow_rescore),
        ("_source", &request.source, page::allow_anything),
        ("fields", &request.fields, page::allow_fields),
        (
            "docvalue_fields",
            &request.docvalue_fields,
            page::allow_fields,
        ),
    ] {
        if let Some(value) = value {
            check(value, &join_pointer("", name))?;
        }
    }
    Ok(())
}

/// What is refused, and where it stands.
fn unsupported_clause(what: impl Into<String>, at: &str) -> StoreError {
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
        return Err(unsupported_clause("a field of the index itself", at));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
