//! What passes the boundary, and what an erased subject makes of it.

use super::*;
use crate::KeyId;
use catalog::Catalog;
use serde_json::json;

fn secret() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes....")
}

fn key() -> SubjectKey {
    SubjectKey::new(KeyId::of(&secret(), "user/1"), &[7; 32])
}

fn user() -> (Map<String, Value>, Raw) {
    let row = json!({"id": "1", "email": "meera@example.org", "firstname": "Meera", "phone": null});
    let document = json!({"email": "meera@example.org", "firstName": "Meera", "address": [{"city": "Kochi", "addType": "home"}]});
    (row.as_object().unwrap().clone(), raw(&document))
}

#[test]
fn rows_and_documents_come_back_as_they_went() {
    let (catalog, secret, key) = (Catalog::builtin().unwrap(), secret(), key());
    let boundary = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: None,
        key: Some(&key),
    };
    let (row, document) = user();
    let mut cells = row.clone();
    boundary.seal_cells("user", &mut cells).unwrap();
    assert_eq!(cells["firstname"], "Meera");
    assert!(has_sealed(cells["email"].as_str().unwrap()));
    let paths = boundary.marks.documents("sunbird", "userprofilevisibility");
    let sealed = boundary.sealed(paths, &document).unwrap();
    assert!(!sealed.get().contains("meera@") && !sealed.get().contains("Kochi"));
    assert!(sealed.get().contains("home"));
    // Whoever seals again changes nothing.
    assert_eq!(boundary.sealed(paths, &sealed).unwrap().get(), sealed.get());
    boundary.open_row("user", &mut cells);
    assert_eq!(cells, row);
    let opened = boundary.open_document("sunbird", "userprofilevisibility", &sealed);
    assert_eq!(opened.get(), document.get());
}

#[test]
fn an_erased_subject_keeps_what_is_sealed_and_gets_nothing_new() {
    let (catalog, secret, key) = (Catalog::builtin().unwrap(), secret(), key());
    let whole = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: None,
        key: Some(&key),
    };
    let erased = whole.of(key.id(), None);
    let (row, document) = user();
    let mut cells = row.clone();
    assert_eq!(erased.seal_cells("user", &mut cells), Err(SubjectErased));
    let paths = whole.marks.documents("sunbird", "user");
    assert!(erased.sealed(paths, &document).is_err());
    let sealed = whole.sealed(paths, &document).unwrap();
    assert_eq!(erased.sealed(paths, &sealed).unwrap().get(), sealed.get());
    let opened = erased.open_document("sunbird", "user", &sealed);
    assert_eq!(opened.get(), sealed.get());
    // Neither what only holds something that looks sealed, nor what another subject's key sealed.
    let own = key.seal("meera@example.org");
    let other = SubjectKey::new(KeyId::of(&secret, "user/2"), &[9; 32]).seal("a@example.org");
    let spelt = ["a@example.org sealed:1:", "sealed:1:", "sealed:1:AAAA"].map(str::to_owned);
    for text in spelt.into_iter().chain([format!("{own} a"), other]) {
        let document = raw(&json!({"email": text}));
        assert!(erased.sealed(paths, &document).is_err(), "{text}");
    }
}

#[test]
fn names_are_keyed_hashes_where_they_are_marked() {
    let (catalog, secret) = (Catalog::builtin().unwrap(), secret());
    let boundary = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: None,
        key: None,
    };
    let of = |text: &str| boundary.entity_key(EntityKey(text.into())).0;
    assert_eq!(of("user/1"), "user/1");
    let hashed = of("otp/email/meera@example.org");
    assert!(hashed.starts_with("otp/") && !hashed.contains("meera"));
    assert_ne!(hashed, of("otp/email/other@example.org"));
    let row = |table: &str, key: Value| {
        let key = key.as_object().unwrap().clone();
        let table = table.to_owned();
        boundary.row_key(RowKey { table, key })
    };
    let otp = row("otp", json!({"type": "email", "key": "meera@example.org"}));
    assert_eq!(otp.key["type"], "email");
    assert!(!otp.to_string().contains("meera"));
    assert_eq!(row("user", json!({"id": "1"})).to_string(), "user/\"1\"");
    let unique = |space: &str| {
        let (space, value) = (space.to_owned(), "KL".to_owned());
        boundary.unique_value(UniqueValue { space, value }).value
    };
    assert_eq!(unique("location.code"), "KL");
    assert_ne!(unique("user.login"), "KL");
}

/// What the reference calls personal is marked wherever an operation on users takes it.
#[test]
fn personal_members_of_requests_are_marked() {
    const PERSONAL: [&str; 11] = [
        "email",
        "phone",
        "userName",
        "location",
        "addressLine1",
        "addressLine2",
        "city",
        "state",
        "country",
        "zipcode",
        "userExternalId",
    ];
    fn names(schema: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, inner) in properties {
                let at = format!("{path}{name}");
                if PERSONAL.contains(&name.as_str()) && inner["readOnly"] != json!(true) {
                    found.push(at.clone());
                }
                names(inner, &format!("{at}/"), found);
                names(&inner["items"], &format!("{at}/"), found);
            }
        }
    }
    let catalog = Catalog::builtin().unwrap();
    let operations = catalog.definitions()["operations"].as_array().unwrap();
    let of_users = [
        "user.create",
        "user.update",
        "org.member.add",
        "user.role.assign",
    ];
    for operation in operations {
        let name = operation["name"].as_str().unwrap();
        if !of_users.contains(&name) {
            continue;
        }
        let mut found = Vec::new();
        names(&operation["request"], "", &mut found);
        assert!(!found.is_empty(), "{name}");
        for path in found {
            let is_marked = operation["sealed"]
                .as_array()
                .unwrap()
                .contains(&json!(path));
            assert!(is_marked, "{name}: {path} is not sealed");
        }
    }
}
