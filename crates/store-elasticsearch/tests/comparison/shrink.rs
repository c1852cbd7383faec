//! Makes a case that differs as small as it stays so: fewer documents, fields, parameters, clauses.

use super::compare::{About, Case, Difference, Outcome, Stores, Tally, run};
use serde_json::Value;

/// How many smaller cases are tried.
const ATTEMPTS: usize = 80;

pub async fn shrink(stores: &Stores, case: &Case, found: &Difference) -> (Case, Difference) {
    let (mut case, mut found) = (only(case, found), found.clone());
    found.about = match found.about {
        About::Mapping => About::Mapping,
        About::Document(_) => About::Document(0),
        About::Search(_) => About::Search(0),
    };
    let mut attempts = ATTEMPTS;
    // What an earlier document taught the index may be the point: then nothing is left out.
    'smaller: loop {
        for candidate in candidates(&case) {
            if attempts == 0 {
                break 'smaller;
            }
            attempts -= 1;
            let differences = run(stores, &candidate, &mut Tally::default()).await;
            let same = differences
                .into_iter()
                .find(|difference| is_alike(difference, &found));
            if let Some(same) = same {
                (case, found) = (candidate, same);
                continue 'smaller;
            }
        }
        break;
    }
    (case, found)
}

fn is_alike(a: &Difference, b: &Difference) -> bool {
    std::mem::discriminant(&a.about) == std::mem::discriminant(&b.about)
        && is_alike_text(&a.embedded, &b.embedded)
        && is_alike_text(&a.elasticsearch, &b.elasticsearch)
}

fn is_alike_text(a: &str, b: &str) -> bool {
    Outcome::class(a) == Outcome::class(b)
        && (Outcome::class(a) == "Found" || Outcome::words(a) == Outcome::words(b))
}

/// The case with that one search, or with that one document.
fn only(case: &Case, found: &Difference) -> Case {
    let mut only = case.clone();
    match found.about {
        About::Mapping => {
            only.documents.clear();
            only.searches.clear();
        }
        About::Document(n) => {
            only.searches.clear();
            only.documents = vec![case.documents[n].clone()];
        }
        About::Search(n) => only.searches = vec![case.searches[n].clone()],
    }
    only
}

fn candidates(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut candidate = case.clone();
        change(&mut candidate);
        all.push(candidate);
    };
    let count = case.documents.len();
    let half = count / 2;
    if count > 3 {
        with(&|case| drop(case.documents.drain(..half)));
        with(&|case| case.documents.truncate(half));
    }
    for search in case.searches.first().into_iter().flat_map(smaller) {
        with(&|case| case.searches = vec![search.clone()]);
    }
    for mappings in smaller(&case.mappings) {
        with(&|case| case.mappings = mappings.clone());
    }
    for n in 0..count {
        if count > 1 {
            with(&|case| drop(case.documents.remove(n)));
        }
        for member in 0..case.documents[n].1.len() {
            with(&|case| drop(case.documents[n].1.remove(member)));
        }
    }
    all
}

/// The value without one of its parts, or with a part in the place of the whole; larger cuts first.
fn smaller(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(members) => {
            for name in members.keys() {
                let mut fewer = members.clone();
                fewer.shift_remove(name);
                all.push(fewer.into());
            }
            for (name, inner) in members {
                let put = |inner: Value| {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), inner);
                    Value::Object(changed)
                };
                if name == "query" {
                    all.extend(clauses(inner).into_iter().map(put));
                }
                all.extend(smaller(inner).into_iter().map(put));
            }
        }
        Value::Array(items) => {
            for n in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(n);
                all.push(fewer.into());
            }
            for (n, inner) in items.iter().enumerate() {
                for inner in smaller(inner) {
                    let mut changed = items.clone();
                    changed[n] = inner;
                    all.push(changed.into());
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

/// The clauses within a compound.
fn clauses(query: &Value) -> Vec<Value> {
    let Some((name, body)) = query.as_object().and_then(|members| members.iter().next()) else {
        return Vec::new();
    };
    if !["bool", "constant_score", "dis_max"].contains(&name.as_str()) {
        return Vec::new();
    }
    let members = body.as_object().into_iter().flat_map(|body| body.values());
    members
        .flat_map(|value| match value {
            Value::Array(items) => items.clone(),
            other => vec![other.clone()],
        })
        .filter(Value::is_object)
        .collect()
}
