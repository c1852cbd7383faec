//! Every recorded answer of Koncorde 4.7.0: verdicts, refusals with their paths, and sets of
//! matching filters. The logical side is taken where Koncorde's answer departs from plain boolean
//! logic.

use std::path::{Path, PathBuf};

use matching::{Document, Filter, Options, normalise};
use serde_json::Value;

/// What was compared, to be printed.
#[derive(Debug, Default)]
struct Tally {
    valid: usize,
    pairs: usize,
    quirks: usize,
    refused: usize,
    paths: usize,
    accepted: usize,
    filters: usize,
    sets: usize,
    set_pairs: usize,
    set_quirks: usize,
}

/// The full recording when it is given, and always the reduced copy.
fn directories() -> Vec<PathBuf> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle");
    std::iter::once(fixture)
        .chain(std::env::var_os("CONSIGN_ORACLE_DIR").map(PathBuf::from))
        .collect()
}

fn lines(path: &Path) -> impl Iterator<Item = Value> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let values: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    values.into_iter()
}

#[test]
fn single_filters_answer_as_recorded() {
    for directory in directories() {
        let mut tally = Tally::default();
        let mut faults = Vec::new();
        for case in lines(&directory.join("filters.jsonl")) {
            let fault = if case["error"] == true {
                refusal(&case, &mut tally)
            } else {
                verdicts(&case, &mut tally)
            };
            faults.extend(
                fault.map(|fault| format!("filter {}: {fault}: {}", case["id"], case["filter"])),
            );
        }
        println!("{}: {tally:?}", directory.display());
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
        assert!(
            tally.valid > 100 && tally.refused > 20 && tally.accepted > 10 && tally.quirks > 10
        );
    }
}

fn refusal(case: &Value, tally: &mut Tally) -> Option<String> {
    let parsed = Filter::parse(&case["filter"], &Options::default());
    if case["engineBug"] == true {
        tally.accepted += 1;
        return match parsed {
            Ok(filter) => documents_of_our_own()
                .iter()
                .find_map(|document| disagreement(&filter, document)),
            Err(error) => Some(format!("refused: {error}")),
        };
    }
    tally.refused += 1;
    let Err(error) = parsed else {
        return Some(format!("accepted, wanted {}", case["message"]));
    };
    let wanted = case["path"].as_str()?;
    tally.paths += 1;
    let keyword = case["keyword"].as_str();
    if error.path.as_deref() != Some(wanted) || error.keyword.as_deref() != keyword {
        return Some(format!(
            "path {:?} and keyword {:?}, wanted {wanted} and {keyword:?}",
            error.path, error.keyword
        ));
    }
    None
}

fn verdicts(case: &Value, tally: &mut Tally) -> Option<String> {
    tally.valid += 1;
    let filter = match Filter::parse(&case["filter"], &Options::default()) {
        Ok(filter) => filter,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let quirks: Vec<usize> = case["quirk"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|at| at.as_u64().unwrap() as usize)
        .collect();
    for (at, document) in case["documents"].as_array().unwrap().iter().enumerate() {
        tally.pairs += 1;
        let quirk = quirks.contains(&at);
        tally.quirks += usize::from(quirk);
        let wanted = if quirk {
            &case["logical"][at]
        } else {
            &case["matches"][at]
        };
        let matches = filter.matches(&Document::new(document));
        if *wanted != matches {
            return Some(format!("{matches} for {document}"));
        }
        if let Some(fault) = disagreement(&filter, document) {
            return Some(fault);
        }
    }
    None
}

/// The canonical form, and the explanation, must say what the filter says.
fn disagreement(filter: &Filter, document: &Value) -> Option<String> {
    let document = &Document::new(document);
    let plain = filter.matches(document);
    if normalise::normalised_holds(&filter.normalise(), document) != plain {
        return Some(format!(
            "the canonical form {} disagrees with {plain} on {document:?}",
            filter.normalise().to_json()
        ));
    }
    (matching::explain_filter(filter, document).matches != plain)
        .then(|| format!("the explanation disagrees with {plain} on {document:?}"))
}

#[test]
fn sets_of_filters_answer_as_recorded() {
    for directory in directories() {
        let mut tally = Tally::default();
        let mut filters: Vec<(u64, Filter)> = Vec::new();
        for line in lines(&directory.join("match-sets.jsonl")) {
            if line["type"] == "filter" {
                let filter = Filter::parse(&line["filter"], &Options::default()).unwrap();
                filters.push((line["index"].as_u64().unwrap(), filter));
                tally.filters += 1;
                continue;
            }
            tally.sets += 1;
            tally.set_pairs += filters.len();
            let document = Document::new(&line["document"]);
            let found: Vec<u64> = filters
                .iter()
                .filter(|(_, filter)| filter.matches(&document))
                .map(|(index, _)| *index)
                .collect();
            let numbers = |name: &str| {
                line[name]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|index| index.as_u64().unwrap())
                    .collect::<Vec<u64>>()
            };
            let (mut wanted, quirks) = (numbers("matches"), numbers("quirk"));
            tally.set_quirks += quirks.len();
            for quirk in quirks {
                match wanted.iter().position(|index| *index == quirk) {
                    Some(at) => drop(wanted.remove(at)),
                    None => wanted.push(quirk),
                }
            }
            wanted.sort_unstable();
            let odd: Vec<&u64> = found
                .iter()
                .filter(|index| !wanted.contains(index))
                .chain(wanted.iter().filter(|index| !found.contains(index)))
                .collect();
            assert!(
                odd.is_empty(),
                "filters {odd:?} answer otherwise for {}",
                line["document"]
            );
        }
        println!("{}: {tally:?}", directory.display());
        assert!(tally.filters > 100 && tally.sets > 20);
    }
}

/// For filters whose answers were never recorded.
fn documents_of_our_own() -> Vec<Value> {
    let places = [
        "48.8566,2.3522",
        "0,0",
        "43.607391,3.910906",
        "64.1466,-21.9426",
        "-33.8688,151.2093",
        "10,-170",
        "10,179.5",
        "xyz",
    ];
    let mut documents: Vec<Value> = places
        .iter()
        .enumerate()
        .map(|(at, place)| {
            serde_json::json!({
                "pos": place, "age": at, "status": if at % 2 == 0 { "foo" } else { "bar" }, "name": "alpha-12", "tags": ["a", "foo", at],
                "nums": [0, 1, 42.5], "items": [{"sku": "a", "qty": at}, {"sku": "c"}], "user": {"name": "Ada", "roles": [], "address": {"city": "Paris"}},
                "_id": format!("id{at}"), "active": at % 3 == 0, "mixed": [null, true, "x"], "price": 42.5, "stats": {"score": 10, "level": -2.25},
            })
        })
        .collect();
    documents.push(serde_json::json!({}));
    documents
}
