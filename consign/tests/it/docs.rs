//! `docs/configuration.md`, `docs/metrics.md` and `docs/operations.md` are made from the default
//! file, from what the services register, and from the catalog: the files must say the same. `cargo run -p xtask -- docs` writes them anew.

mod configuration;
mod metrics;
mod operations;

use std::{env, fs, path::Path};

/// Set: write what differs instead of failing.
const WRITE: &str = "CONSIGN_TEST_WRITE_DOCS";

fn hold(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file);
    if env::var_os(WRITE).is_some() {
        fs::write(&path, expected).expect("the page is written");
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == expected,
        "docs/{file} is out of date: `cargo run -p xtask -- docs` writes it anew"
    );
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    hold("configuration.md", &configuration::page());
}

#[test]
fn the_page_of_metrics_is_up_to_date() {
    hold("metrics.md", &metrics::page().expect("metrics"));
}

#[test]
fn the_page_of_operations_is_up_to_date() {
    hold("operations.md", &operations::page());
}

#[test]
fn no_setting_is_missing_on_its_page() {
    let page = configuration::page();
    let settings = toml::Table::try_from(consign::settings::Settings::default()).expect("settings");
    let known = runtime::settings::leaf_values(&settings);
    assert!(known.len() > 100);
    for (key, _) in known {
        assert!(page.contains(&format!("| `{key}` | ")), "{key}");
    }
}
