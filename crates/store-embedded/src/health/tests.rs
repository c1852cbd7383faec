//! Each setting that is not as it must be is named, and only that one.

use super::find_weaknesses;

#[test]
fn weak_settings_are_named() {
    let named = |careful, usual, journal: &str| -> Vec<(String, String)> {
        find_weaknesses(careful, usual, journal.to_owned())
            .into_iter()
            .map(|weak| (weak.setting, weak.found))
            .collect()
    };
    let weak = |setting: &str, found: &str| (setting.to_owned(), found.to_owned());
    assert_eq!(named(2, 1, "wal"), []);
    assert_eq!(named(3, 2, "wal"), []);
    assert_eq!(named(1, 1, "wal"), [weak("synchronous", "1")]);
    assert_eq!(named(2, 0, "wal"), [weak("synchronous", "0")]);
    assert_eq!(named(2, 1, "delete"), [weak("journal_mode", "delete")]);
}
