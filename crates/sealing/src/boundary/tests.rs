//! What passes the boundary, and what an erased subject makes of it.

use super::*;
use crate::{KeyId, SubjectKey, mask::MASK};
use catalog::Catalog;
use serde_json::json;
use std::sync::Arc;

fn secret() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes....")
}

fn subject(name: &str) -> SubjectAccess {
    let id = KeyId::of(&secret(), name);
    let key = Some(Arc::new(SubjectKey::new(id, &[7; 32])));
    SubjectAccess { id, key }
}

fn erased(name: &str) -> SubjectAccess {
    SubjectAccess {
        key: None,
        ..subject(name)
    }
}

fn user() -> (Map<String, Value>, Raw) {
    let row = json!({"id": "1", "email": "meera@example.org", "firstname": "Meera", "phone": null});
    let document = json!({"email": "meera@example.org", "firstName": "Meera", "address": [{"city": "Kochi", "addType": "home"}]});
    (row.as_object().unwrap().clone(), to_raw(&document))
}

#[test]
fn rows_and_documents_come_back_as_they_went() {
    let (catalog, secret, subject) = (Catalog::builtin().unwrap(), secret(), subject("user/1"));
    let boundary = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: Some(&subject),
    };
    let (row, document) = user();
    let mut cells = row.clone();
    boundary.seal_cells("user", &mut cells).unwrap();
    assert_eq!(cells["firstname"], "Meera");
    assert!(has_sealed(cells["email"].as_str().unwrap()));
    let marked = || boundary.marked_document("sunbird", "userprofilevisibility");
    let sealed = boundary.resealed(marked(), &document).unwrap();
    assert!(!sealed.get().contains("meera@") && !sealed.get().contains("Kochi"));
    assert!(sealed.get().contains("home"));
    // Whoever seals again changes nothing.
    assert_eq!(
        boundary.resealed(marked(), &sealed).unwrap().get(),
        sealed.get()
    );
    boundary.open_row("user", &mut cells);
    assert_eq!(cells, row);
    let opened = boundary.open_document("sunbird", "userprofilevisibility", &sealed);
    assert_eq!(opened.get(), document.get());
}

#[test]
fn an_erased_subject_keeps_what_is_sealed_and_gets_nothing_new() {
    let (catalog, secret, subject) = (Catalog::builtin().unwrap(), secret(), subject("user/1"));
    let whole = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: Some(&subject),
    };
    let erased = erased("user/1");
    let erased = whole.of(&erased);
    let (row, document) = user();
    let mut cells = row.clone();
    assert_eq!(erased.seal_cells("user", &mut cells), Err(SubjectErased));
    let marked = || whole.marked_document("sunbird", "user");
    assert!(erased.resealed(marked(), &document).is_err());
    let sealed = whole.resealed(marked(), &document).unwrap();
    let again = erased.resealed(marked(), &sealed).unwrap();
    assert_eq!(again.get(), sealed.get());
    let opened = erased.open_document("sunbird", "user", &sealed);
    assert_eq!(opened.get(), sealed.get());
}

/// A text that only looks like a sealed one, or is another subject's, is personal all the same.
#[test]
fn an_erased_subject_takes_nothing_that_only_looks_sealed() {
    let (catalog, secret) = (Catalog::builtin().unwrap(), secret());
    let (ours, gone, other) = (subject("user/1"), erased("user/1"), subject("user/2"));
    let of = |subject| SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: Some(subject),
    };
    let row = |boundary: &SealedBoundary<'_>, email: &str| {
        let mut cells = json!({ "email": email }).as_object().unwrap().clone();
        let sealed = boundary.seal_cells("user", &mut cells);
        sealed.map(|()| cells["email"].as_str().unwrap().to_owned())
    };
    let sealed = row(&of(&ours), "meera@example.org").unwrap();
    assert_eq!(row(&of(&gone), &sealed), Ok(sealed.clone()));
    let of_other = row(&of(&other), "meera@example.org").unwrap();
    for looks_sealed in ["meera@example.org sealed:1:", "sealed:1:", &of_other] {
        let refused = row(&of(&gone), looks_sealed);
        assert_eq!(refused, Err(SubjectErased), "{looks_sealed}");
    }
    // In another field it is a text like any other.
    let mut cells = json!({ "phone": sealed }).as_object().unwrap().clone();
    of(&ours).seal_cells("user", &mut cells).unwrap();
    of(&ours).open_row("user", &mut cells);
    assert_eq!(cells["phone"], sealed);
    // A client has nothing that is sealed already.
    let mut asked = accepted("user.update", to_raw(&json!({ "email": sealed })));
    assert_eq!(of(&gone).seal_request(&mut asked), Err(SubjectErased));
}

fn accepted(operation: &str, request: Raw) -> Accepted {
    Accepted {
        operation: operation.to_owned(),
        unique: [1; 16],
        request,
        generated: Map::new(),
        key: EntityKey("user/1".to_owned()),
        collections: Vec::new(),
        volatile: None,
        if_version: None,
    }
}

#[test]
fn an_edited_request_is_sealed_again_and_masks_stand_for_what_was_there() {
    let (catalog, secret) = (Catalog::builtin().unwrap(), secret());
    let (ours, gone) = (subject("user/1"), erased("user/1"));
    let boundary = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: Some(&ours),
    };
    let contact = |phones: &[&str]| {
        let list: Vec<Value> = phones.iter().map(|p| json!({"phone": p})).collect();
        to_raw(&json!({ "orgName": "School", "contactDetail": list }))
    };
    let mut asked = accepted("org.create", contact(&["9700099017", "9700099018"]));
    boundary.seal_request(&mut asked).unwrap();
    let was = asked.request;
    let edit = |boundary: &SealedBoundary<'_>, phones: &[&str]| {
        boundary.seal_edited("org.create", &was, &contact(phones))
    };
    let mut edited = edit(&boundary, &[MASK, "9700099019"]).unwrap();
    assert!(!edited.get().contains("97000990") && !edited.get().contains(MASK));
    boundary.open_request("org.create", &mut edited);
    assert_eq!(edited.get(), contact(&["9700099017", "9700099019"]).get());
    // Of a list of another length, nobody knows which is which.
    assert_eq!(edit(&boundary, &[MASK]).err(), Some(EditUnsealable::Masked));
    let gone = boundary.of(&gone);
    assert!(edit(&gone, &[MASK, MASK]).is_ok());
    let refused = edit(&gone, &[MASK, "9700099019"]).err();
    assert_eq!(refused, Some(EditUnsealable::Erased(SubjectErased)));
}

#[test]
fn names_are_keyed_hashes_where_they_are_marked() {
    let (catalog, secret) = (Catalog::builtin().unwrap(), secret());
    let boundary = SealedBoundary {
        marks: catalog.sealed(),
        secret: &secret,
        subject: None,
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
