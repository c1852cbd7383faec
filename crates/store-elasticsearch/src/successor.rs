//! A second index for a collection, beside the one that its alias leads to: filled by an alias of its
//! own, put in the place of the first by one change of aliases, and then alone. While both are there,
//! the aliases say how far it is: `….next` leads to the second, `….last` to the first once it was
//! replaced.

use crate::{
    classify,
    client::Client,
    name,
    read::{self, damaged_error, json_body},
    schema,
};
use elasticsearch::http::Method;
use serde_json::{Map, Value, json};
use store::{Collection, StoreError, Succession};

/// What the alias of the second index adds to the collection's.
pub(crate) const NEXT: &str = ".next";
const LAST: &str = ".last";

/// The indices behind an alias; none if it is not there.
async fn indices_behind(client: &Client, alias: &str) -> Result<Vec<String>, StoreError> {
    let path = format!("_alias/{alias}");
    let answer = client.ask(Method::Get, &path, None).await?;
    match answer.status {
        200 => {
            let indices: Map<String, Value> =
                serde_json::from_slice(&answer.body).map_err(damaged_error)?;
            Ok(indices.into_iter().map(|(index, _)| index).collect())
        }
        404 => Ok(Vec::new()),
        status => Err(classify::request_failure(
            status,
            &answer.body,
            classify::refused_error,
        )),
    }
}

async fn change_aliases(client: &Client, actions: Vec<Value>) -> Result<(), StoreError> {
    let body = json_body(&json!({ "actions": actions }));
    let answer = client.ask(Method::Post, "_aliases", body).await?;
    classify::expect_success(&answer)
}

async fn delete_indices(client: &Client, indices: &[String]) -> Result<(), StoreError> {
    for index in indices {
        let answer = client.ask(Method::Delete, index, None).await?;
        if !matches!(answer.status, 200 | 404) {
            return Err(classify::request_failure(
                answer.status,
                &answer.body,
                classify::refused_error,
            ));
        }
    }
    Ok(())
}

pub(crate) async fn read_succession(
    client: &Client,
    collection: &Collection,
) -> Result<Succession, StoreError> {
    let alias = read::collection_alias(client, collection)?;
    if !indices_behind(client, &format!("{alias}{LAST}"))
        .await?
        .is_empty()
    {
        return Ok(Succession::Promoted);
    }
    let next = indices_behind(client, &format!("{alias}{NEXT}")).await?;
    Ok(if next.is_empty() {
        Succession::None
    } else {
        Succession::Begun
    })
}

pub(crate) async fn begin_successor(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let alias = read::collection_alias(client, collection)?;
    let next = format!("{alias}{NEXT}");
    delete_indices(client, &indices_behind(client, &next).await?).await?;
    let first = indices_behind(client, &alias).await?;
    let number = first
        .iter()
        .filter_map(|index| name::index_number(&alias, index));
    let index = name::numbered_index(&alias, number.max().unwrap_or(0) + 1);
    schema::make_index(client, collection, &index, &next).await
}

pub(crate) async fn promote_successor(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let alias = read::collection_alias(client, collection)?;
    let next = format!("{alias}{NEXT}");
    let (first, second) = (
        indices_behind(client, &alias).await?,
        indices_behind(client, &next).await?,
    );
    let [second] = &second[..] else {
        return Err(classify::refused_error(format!(
            "no one index is behind {next}"
        )));
    };
    if first.contains(second) {
        return Ok(());
    }
    let path = format!("{next}/_refresh");
    let refreshed = client.ask(Method::Post, &path, None).await?;
    classify::expect_success(&refreshed)?;
    let mut actions =
        vec![json!({"add": {"index": second, "alias": alias, "is_write_index": true}})];
    for index in &first {
        actions.push(json!({"remove": {"index": index, "alias": alias}}));
        actions.push(json!({"add": {"index": index, "alias": format!("{alias}{LAST}")}}));
    }
    change_aliases(client, actions).await
}

pub(crate) async fn end_succession(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let alias = read::collection_alias(client, collection)?;
    let next = format!("{alias}{NEXT}");
    let (first, second) = (
        indices_behind(client, &format!("{alias}{LAST}")).await?,
        indices_behind(client, &next).await?,
    );
    if first.is_empty() {
        let stands = indices_behind(client, &alias).await?;
        // Where it was promoted and the first is gone already, it is what stands.
        let unused: Vec<String> = second
            .iter()
            .filter(|index| !stands.contains(index))
            .cloned()
            .collect();
        delete_indices(client, &unused).await?;
    }
    delete_indices(client, &first).await?;
    let left = indices_behind(client, &next).await?;
    let remove = |index: &String| json!({"remove": {"index": index, "alias": next}});
    if left.is_empty() {
        Ok(())
    } else {
        change_aliases(client, left.iter().map(remove).collect()).await
    }
}
