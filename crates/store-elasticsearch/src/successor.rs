//! A second index for a collection, beside the one that its alias leads to: filled, written together
//! with the first, put in its place by one change of aliases, and then alone. While both are there,
//! each is written by an alias of its own, whichever of them is searched: `….next` leads to the
//! second, `….last` to the first. Where the collection's alias leads says how far it is.

use crate::{
    apply, classify,
    client::Client,
    name::{self, LAST, NEXT},
    read::{self, damaged_error, json_body},
    schema,
};
use elasticsearch::http::Method;
use serde_json::{Map, Value, json};
use std::time::Duration;
use store::{Collection, DocumentWrite, ItemVerdict, StoreError, Succession};

/// An index that is told to refresh itself no more does so once again, a little later.
const LAST_REFRESH: Duration = Duration::from_millis(200);

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

/// The indices of a succession: which the collection's alias leads to, which is the second, and which
/// was the first when it began.
struct SuccessionPlaces {
    alias: String,
    searched: Vec<String>,
    next: Vec<String>,
    last: Vec<String>,
}

impl SuccessionPlaces {
    async fn read(client: &Client, collection: &Collection) -> Result<Self, StoreError> {
        let alias = read::collection_alias(client, collection)?;
        Ok(Self {
            searched: indices_behind(client, &alias).await?,
            next: indices_behind(client, &format!("{alias}{NEXT}")).await?,
            last: indices_behind(client, &format!("{alias}{LAST}")).await?,
            alias,
        })
    }

    fn is_promoted(&self) -> bool {
        self.next.iter().any(|index| self.searched.contains(index))
    }

    fn succession(&self) -> Succession {
        if self.is_promoted() {
            Succession::Promoted
        } else if self.next.is_empty() {
            Succession::None
        } else {
            Succession::Begun
        }
    }
}

pub(crate) async fn read_succession(
    client: &Client,
    collection: &Collection,
) -> Result<Succession, StoreError> {
    Ok(SuccessionPlaces::read(client, collection)
        .await?
        .succession())
}

pub(crate) async fn begin_successor(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    end_succession(client, collection).await?;
    let SuccessionPlaces {
        alias, searched, ..
    } = SuccessionPlaces::read(client, collection).await?;
    let number = searched
        .iter()
        .filter_map(|index| name::index_number(&alias, index));
    let index = name::numbered_index(&alias, number.max().unwrap_or(0) + 1);
    let next = format!("{alias}{NEXT}");
    schema::make_index(client, collection, &index, &next).await?;
    let last = format!("{alias}{LAST}");
    let name_first = |index: &String| json!({"add": {"index": index, "alias": last}});
    change_aliases(client, searched.iter().map(name_first).collect()).await
}

/// The second first: a search of the other never shows what this one lacks.
pub(crate) async fn apply_to_both(client: &Client, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
    let mut verdicts = apply::apply_writes(client, writes, NEXT).await;
    let is_done = |at: &usize| verdicts[*at] == ItemVerdict::Done;
    let taken: Vec<usize> = (0..writes.len()).filter(is_done).collect();
    let left: Vec<DocumentWrite> = taken.iter().map(|at| writes[*at].clone()).collect();
    let of_first = apply::apply_writes(client, &left, LAST).await;
    for (at, verdict) in taken.into_iter().zip(of_first) {
        verdicts[at] = verdict;
    }
    verdicts
}

pub(crate) async fn promote_successor(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let places = SuccessionPlaces::read(client, collection).await?;
    let [second] = &places.next[..] else {
        return Err(classify::refused_error(format!(
            "no one index is behind {}{NEXT}",
            places.alias
        )));
    };
    if places.is_promoted() {
        return Ok(());
    }
    // From here on a search of the first shows nothing new but what a refresh asked for, and that
    // is shown by both: what anybody has seen is seen after the change of aliases as well.
    let never = Value::from("-1");
    set_refresh_interval(client, &places.searched, &never).await?;
    let swapped = swap_places(client, &places, second).await;
    if swapped.is_err() {
        let standing = schema::refresh_interval(collection)?;
        set_refresh_interval(client, &places.searched, &standing).await?;
    }
    swapped
}

async fn swap_places(
    client: &Client,
    places: &SuccessionPlaces,
    second: &str,
) -> Result<(), StoreError> {
    tokio::time::sleep(LAST_REFRESH).await;
    let path = format!("{second}/_refresh");
    let refreshed = client.ask(Method::Post, &path, None).await?;
    classify::expect_success(&refreshed)?;
    let alias = &places.alias;
    let mut actions =
        vec![json!({"add": {"index": second, "alias": alias, "is_write_index": true}})];
    for index in &places.searched {
        actions.push(json!({"remove": {"index": index, "alias": alias}}));
    }
    change_aliases(client, actions).await
}

async fn set_refresh_interval(
    client: &Client,
    indices: &[String],
    interval: &Value,
) -> Result<(), StoreError> {
    for index in indices {
        let body = json_body(&json!({"index": {"refresh_interval": interval}}));
        let path = format!("{index}/_settings");
        let answer = client.ask(Method::Put, &path, body).await?;
        if answer.status != 404 {
            classify::expect_success(&answer)?;
        }
    }
    Ok(())
}

/// Nothing that the collection's alias leads to is removed, whatever the others say.
pub(crate) async fn end_succession(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let places = SuccessionPlaces::read(client, collection).await?;
    let (next, last) = (places.next.iter(), places.last.iter());
    let is_unused = |index: &&String| !places.searched.contains(*index);
    let unused: Vec<String> = next.chain(last).filter(is_unused).cloned().collect();
    delete_indices(client, &unused).await?;
    let mut actions = Vec::new();
    for (indices, suffix) in [(&places.next, NEXT), (&places.last, LAST)] {
        let alias = format!("{}{suffix}", places.alias);
        let standing = indices.iter().filter(|index| !is_unused(index));
        let remove = |index| json!({"remove": {"index": index, "alias": alias}});
        actions.extend(standing.map(remove));
    }
    if actions.is_empty() {
        return Ok(());
    }
    if !places.is_promoted() {
        // It may have been cut short on its way into the other's place.
        let standing = schema::refresh_interval(collection)?;
        set_refresh_interval(client, &places.searched, &standing).await?;
    }
    change_aliases(client, actions).await
}
