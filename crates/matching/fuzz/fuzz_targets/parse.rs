//! Any JSON as a filter: it is refused, or its canonical form means the same and is its own
//! canonical form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use matching::{Document, Filter, Options, explain_filter};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let Ok(filter) = Filter::parse(&value, &Options::default()) else {
        return;
    };
    let form = filter.normalise();
    let again = Filter::parse(
        &form.to_json(),
        &Options {
            max_conditions: usize::MAX,
            max_nodes: usize::MAX,
            ..Options::default()
        },
    );
    if let Ok(again) = again {
        assert_eq!(again.normalise().text(), form.text());
    }
    // The filter itself makes a document as odd as any.
    let document = Document::new(&value);
    assert_eq!(
        explain_filter(&filter, &document).matches,
        filter.matches(&document)
    );
});
