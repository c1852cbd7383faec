//! `consign subscription list`: a line per room, over all gateways.

use super::Invocation;
use crate::{client::Client, failure::Failure, output::format_table};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign subscription list
  consign subscription list --index world --collection cities
  consign subscription list --json | jq '[.[].connections] | add'

A room is a filter on a collection; subscriptions with equal filters share it.";

/// List the rooms that have subscribers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only those of this index
    #[arg(long, short, value_name = "NAME")]
    index: Option<String>,
    /// Only those of this collection
    #[arg(long, short, value_name = "NAME")]
    collection: Option<String>,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Room {
    index: String,
    collection: String,
    room: String,
    connections: u64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let listed = Client::new(&arguments.client)?
        .ask("realtime", "list", json!({}))
        .await?;
    let wanted =
        |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let mut rooms = listed_rooms(&listed);
    rooms.retain(|room| {
        wanted(&arguments.index, &room.index) && wanted(&arguments.collection, &room.collection)
    });
    invocation.output.result(&rooms, |rooms| {
        if rooms.is_empty() {
            "no subscriptions".to_owned()
        } else {
            format_table(
                &["index", "collection", "room", "connections"],
                &rooms.iter().map(room_row).collect::<Vec<_>>(),
            )
        }
    })
}

/// `{index: {collection: {room: connections}}}`, by name, the fullest room of a collection first.
fn listed_rooms(listed: &Value) -> Vec<Room> {
    let mut rooms = Vec::new();
    for (index, collections) in listed.as_object().into_iter().flatten() {
        for (collection, counts) in collections.as_object().into_iter().flatten() {
            for (room, count) in counts.as_object().into_iter().flatten() {
                let connections = count.as_u64().unwrap_or(0);
                rooms.push(Room {
                    index: index.clone(),
                    collection: collection.clone(),
                    room: room.clone(),
                    connections,
                });
            }
        }
    }
    rooms.sort_by(|a, b| {
        let places = (&a.index, &a.collection).cmp(&(&b.index, &b.collection));
        places
            .then(b.connections.cmp(&a.connections))
            .then(a.room.cmp(&b.room))
    });
    rooms
}

fn room_row(room: &Room) -> Vec<String> {
    vec![
        room.index.clone(),
        room.collection.clone(),
        room.room.clone(),
        room.connections.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_come_by_place_and_size() {
        let listed = json!({"b": {"c": {"r1": 1}}, "a": {"d": {"r2": 1, "r3": 5}}});
        let shown: Vec<_> = listed_rooms(&listed)
            .iter()
            .map(|room| (room.index.clone(), room.room.clone(), room.connections))
            .collect();
        let expected = [("a", "r3", 5), ("a", "r2", 1), ("b", "r1", 1)];
        assert_eq!(
            shown,
            expected.map(|(index, room, count)| (index.to_owned(), room.to_owned(), count))
        );
    }
}
