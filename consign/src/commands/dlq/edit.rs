//! `consign dlq edit`: mends the request of dead letters and replays them. One in an editor, or a
//! whole group by one JSON Patch.

use super::{
    Invocation,
    replay::run_order,
    selection::{self, JobArguments},
};
use crate::{client::Client, failure::Failure};
use ::replay::{JobAction, JsonPatch};
use clap::Args;
use serde_json::Value;
use std::{io::Write, path::PathBuf, process::Command};

const EXAMPLES: &str = "\
Examples:
  consign dlq edit --request r1AQABAAEHs…                    in $EDITOR
  consign dlq edit --fingerprint 1f00aa93c2d4 --patch mend.json --dry-run
  echo '[{\"op\":\"remove\",\"path\":\"/body/age\"}]' | consign dlq edit --key user/42 --patch -

A patch (RFC 6902) is of the bare request. What comes of it must be what the operation takes, under the same key;
it is planned by the gateway's catalog, so an empty patch, [], replays by today's definitions.
Exit 0 if every one ended applied.";

/// Edit dead letters and replay them: in an editor, or by one JSON Patch over many
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    job: JobArguments,
    /// A JSON Patch over the request of each; - is standard input. Without it, $EDITOR opens one
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Also those that later events of their key have overtaken
    #[arg(long)]
    as_new: bool,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.job.client)?;
    let patch = match &arguments.patch {
        Some(file) => read_patch(file)?,
        None => {
            let letters = selection::fetch_letters(&client, &arguments.job.select()).await?;
            let [letter] = letters.as_slice() else {
                let why = format!(
                    "an editor mends one dead letter, and {} wait",
                    letters.len()
                );
                return Err(Failure::usage(why).hint("--patch FILE mends a group"));
            };
            edited_by_hand(&client, &letter.request_id).await?
        }
    };
    let order = arguments
        .job
        .order(JobAction::Replay, arguments.as_new, Some(patch));
    run_order(&client, &order, arguments.job.yes, &invocation).await
}

fn read_patch(file: &PathBuf) -> Result<JsonPatch, Failure> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(file)?
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} is no JSON Patch: {error}", file.display()))
            .hint("for example [{\"op\": \"remove\", \"path\": \"/body/age\"}]")
    })
}

async fn edited_by_hand(client: &Client, id: &str) -> Result<JsonPatch, Failure> {
    let answer = client.get(&format!("/v1/dead-letters/{id}")).await?;
    let letter = answer.succeeded()?;
    let request = &letter["event"]["value"]["request"];
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let mut file = tempfile::Builder::new().suffix(".json").tempfile()?;
    let text = serde_json::to_string_pretty(request).unwrap_or_default();
    writeln!(file, "{text}")?;
    // The variable may hold arguments, as other programs take it.
    let run = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "edit"])
        .arg(file.path())
        .status()?;
    if !run.success() {
        return Err(Failure::failed(format!(
            "`{editor}` failed: nothing was done"
        )));
    }
    let edited = std::fs::read_to_string(file.path())?;
    let edited: Value = serde_json::from_str(&edited)
        .map_err(|error| Failure::failed(format!("what was written is no JSON: {error}")))?;
    if edited == *request {
        return Err(Failure::failed("nothing was changed, so nothing was done"));
    }
    Ok(JsonPatch::whole(edited))
}
