use super::*;
use runtime::secret_file::is_open_to_others;

#[test]
fn it_is_made_once_and_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    assert!(load_secret(&path).is_err());
    let made = load_or_make(&path).unwrap();
    assert!(!is_open_to_others(&path).unwrap());
    let again = load_or_make(&path).unwrap();
    assert_eq!(made.tag("purpose", &[b"x"]), again.tag("purpose", &[b"x"]));
}

#[test]
fn a_short_one_is_refused_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "short\n").unwrap();
    assert!(
        load_or_make(&path)
            .unwrap_err()
            .to_string()
            .contains("5 bytes")
    );
    assert_eq!(fs::read(&path).unwrap(), b"short\n");
}
