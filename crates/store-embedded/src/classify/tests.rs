use super::Failure;
use rusqlite::ffi;

fn classified(code: i32) -> Failure {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("detail".to_owned())).into()
}

#[test]
fn every_code_has_its_meaning() {
    let transient = [
        ffi::SQLITE_FULL,
        ffi::SQLITE_IOERR,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_CANTOPEN,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_PERM,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_LOCKED,
        ffi::SQLITE_NOMEM,
        ffi::SQLITE_ERROR,
        ffi::SQLITE_CONSTRAINT,
        ffi::SQLITE_MISUSE,
        ffi::SQLITE_SCHEMA,
    ];
    for code in transient {
        assert!(matches!(classified(code), Failure::Transient(_)), "{code}");
    }
    for code in [
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_CORRUPT_INDEX,
    ] {
        assert!(matches!(classified(code), Failure::Damaged(_)), "{code}");
    }
    assert!(matches!(
        classified(ffi::SQLITE_TOOBIG),
        Failure::Permanent {
            code: "too_large",
            ..
        }
    ));
}

#[test]
fn a_full_disk_is_named() {
    assert!(
        matches!(classified(ffi::SQLITE_FULL), Failure::Transient(why) if why.contains("the disk is full"))
    );
}
