//! Chunks are the same whenever they are made, and state belongs to one load.

use super::{chunk::Chunks, *};
use clap::Parser;
use std::io::Write;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(file: &std::path::Path, more: &[&str]) -> Arguments {
    let file = file.display().to_string();
    Line::parse_from(
        ["load", &file, "--operation", "document.create"]
            .iter()
            .chain(more),
    )
    .arguments
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Body, its lines, bad lines, through.
fn chunks(text: &str, more: &[&str], skip: u64) -> Vec<(String, Vec<u64>, Vec<u64>, u64)> {
    let file = file(text);
    let arguments = arguments(file.path(), more);
    let mut chunks = Chunks::new(Input::open(file.path()).unwrap(), &arguments, skip).unwrap();
    let mut found = Vec::new();
    while let Some(chunk) = chunks.next().unwrap() {
        let bad = chunk.bad.iter().map(|(line, _)| *line).collect();
        found.push((
            String::from_utf8(chunk.body.to_vec()).unwrap(),
            chunk.lines,
            bad,
            chunk.through,
        ));
    }
    found
}

const DOCUMENTS: [&str; 6] = ["--index", "i", "--collection", "c", "--id", "key"];

#[test]
fn documents_become_requests_and_stay_as_written() {
    let text = "{\"key\": 7, \"n\":1.0}\r\n\n{\"n\":2}\nno json\n{\"key\":\"a\\\"b\"}";
    let found = chunks(text, &DOCUMENTS, 0);
    let (body, lines, bad, through) = &found[0];
    assert_eq!(
        body,
        "{\"index\":\"i\",\"collection\":\"c\",\"_id\":\"7\",\"body\":{\"key\": 7, \"n\":1.0}}\n\
         {\"index\":\"i\",\"collection\":\"c\",\"_id\":\"a\\\"b\",\"body\":{\"key\":\"a\\\"b\"}}\n"
    );
    assert_eq!((lines, bad, *through), (&vec![1, 5], &vec![3, 4], 5));
}

#[test]
fn whole_requests_are_sent_as_they_are() {
    assert_eq!(
        chunks("{\"a\":1}\nnonsense\n", &[], 0),
        [("{\"a\":1}\nnonsense\n".to_owned(), vec![1, 2], vec![], 2)]
    );
    assert!(chunks("", &[], 0).is_empty());
}

#[test]
fn going_on_makes_the_same_chunks() {
    let text: String = (0..25).map(|n| format!("{{\"key\":{n}}}\n")).collect();
    let more: Vec<&str> = DOCUMENTS.iter().copied().chain(["--chunk", "10"]).collect();
    let all = chunks(&text, &more, 0);
    assert_eq!(
        all.iter().map(|chunk| chunk.3).collect::<Vec<_>>(),
        [10, 20, 25]
    );
    assert_eq!(chunks(&text, &more, 10), all[1..]);
    assert!(chunks(&text, &more, 25).is_empty());
}

#[test]
fn a_chunk_ends_before_it_is_too_large() {
    let long = "x".repeat(3 << 20);
    for more in [&DOCUMENTS[..], &[]] {
        let text: String = (0..5)
            .map(|n| format!("{{\"key\":{n},\"t\":\"{long}\"}}\n"))
            .collect();
        let found = chunks(&text, more, 0);
        assert_eq!(
            found
                .iter()
                .flat_map(|chunk| chunk.1.clone())
                .collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert!(found.len() == 3 && found.iter().all(|chunk| chunk.0.len() <= 8 << 20));
        assert_eq!(chunks(&text, more, found[0].3), found[1..]);
    }
}

#[test]
fn state_goes_on_only_with_the_same_load() {
    let file = file("{}\n{}\n");
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("state").display().to_string();
    let open = |more: &[&str], size, incarnation: &str| {
        let more: Vec<&str> = ["--state", &kept].iter().chain(more).copied().collect();
        State::open(
            &arguments(file.path(), &more),
            size,
            Target::Incarnation(incarnation.to_owned()),
        )
    };
    let mut state = open(&[], 6, "a").unwrap();
    state.advance(1).unwrap();
    let again = open(&[], 6, "a").unwrap();
    assert_eq!((again.lines, &again.key), (1, &state.key));
    assert!(open(&[], 7, "a").is_err(), "the file is another now");
    assert!(open(&["--chunk", "5"], 6, "a").is_err());
    let afresh = open(&["--afresh"], 6, "a").unwrap();
    assert!(afresh.lines == 0 && afresh.key != state.key);
    let other = open(&[], 6, "b").unwrap();
    assert!(
        other.lines == 0 && other.started_over,
        "another collection of the same name holds nothing of it"
    );
}
