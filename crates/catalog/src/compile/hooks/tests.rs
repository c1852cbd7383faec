//! Which hooks are asked about what, and what is said of a definition that is wrong.

use crate::{Catalog, HookFailurePolicy};
use std::time::Duration;

const ORDERS: &str = "
hooks:
  - name: stock.check
    url: https://stock.example/before
    timeout_ms: 500
    on_failure: pass
  - name: audit
    url: https://audit.example/
    collections: [shop/orders]
    order: -1
  - {name: geo, url: 'https://geo.example/', operations: [document.create, document.update], collections: [geo/cities]}
collections:
  - {index: shop, collection: orders, owner: order}
operations:
  - name: order.place
    summary: Places an order.
    request: {type: object, required: [id], properties: {id: {type: string}, mail: {type: string}}}
    before: [stock.check]
    key: {of: order, id: $request/id}
    write:
      - {document: {index: shop, collection: orders, id: $request/id}, put: {id: $request/id}}
    examples: [{title: One, request: {id: o1}}]
";

fn load(text: &str) -> Result<Catalog, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), text).unwrap();
    Catalog::load(&[folder.path().to_owned()]).map_err(|error| error.to_string())
}

fn asked(catalog: &Catalog, operation: &str, touched: &[(&str, &str)]) -> Vec<String> {
    let touched: Vec<_> = touched
        .iter()
        .map(|(index, name)| ((*index).to_owned(), (*name).to_owned()))
        .collect();
    let operation = catalog.operation(operation).unwrap();
    let hooks = operation.hooks(&touched);
    hooks.map(|hook| hook.name().to_owned()).collect()
}

#[test]
fn operations_name_hooks_and_hooks_name_operations_and_collections() {
    let catalog = load(ORDERS).unwrap();
    let orders = [("shop", "orders")];
    let cities = [("geo", "cities")];
    assert_eq!(
        asked(&catalog, "order.place", &orders),
        ["audit", "stock.check"],
        "by order, whoever names them"
    );
    assert_eq!(asked(&catalog, "document.create", &cities), ["geo"]);
    assert!(asked(&catalog, "document.create", &[("geo", "notes")]).is_empty());
    assert!(asked(&catalog, "document.delete", &cities).is_empty());

    let hooks: Vec<_> = catalog.hooks().iter().map(|hook| hook.name()).collect();
    assert_eq!(hooks, ["audit", "geo", "stock.check"]);
    let stock = &catalog.hooks()[2];
    assert_eq!(
        (stock.timeout(), stock.on_failure()),
        (Duration::from_millis(500), HookFailurePolicy::Pass)
    );
    let outline = |name: &str| catalog.operation(name).unwrap().outline().before;
    assert_eq!(outline("order.place"), ["audit", "stock.check"]);
    assert_eq!(outline("document.mCreate"), ["geo (geo/cities)"]);
    assert!(outline("upload.results").is_empty());
}

#[test]
fn definitions_travel_with_their_hooks() {
    let catalog = load(ORDERS).unwrap();
    let again = Catalog::from_definitions(catalog.definitions()).unwrap();
    assert_eq!(again.version(), catalog.version());
    assert_eq!(again.hooks(), catalog.hooks());
    let other = load(&ORDERS.replace("stock.example", "store.example")).unwrap();
    assert_ne!(other.version(), catalog.version());
}

#[test]
fn a_wrong_hook_is_told_with_file_and_line() {
    let cases = [
        (
            "before: [stock.check]",
            "before: [stok.check]",
            "line 15: operation `order.place`: before[0]: there is no hook `stok.check`: did you mean `stock.check`?",
        ),
        (
            "name: audit",
            "name: Audit",
            "line 7: hook `Audit`: name: is of a-z",
        ),
        (
            "https://audit.example/",
            "audit.example",
            "line 7: hook `audit`: url: `audit.example` is no address",
        ),
        (
            "https://audit.example/",
            "https:///x",
            "line 7: hook `audit`: url: `https:///x` names no host",
        ),
        (
            "https://audit.example/",
            "https://a:b@audit.example/",
            "hook `audit`: url: it holds a password",
        ),
        (
            "timeout_ms: 500",
            "timeout_ms: 0",
            "line 3: hook `stock.check`: timeout_ms: is between 1 and 60000",
        ),
        (
            "on_failure: pass",
            "on_failure: pas",
            "did you mean `pass`?",
        ),
        (
            "[shop/orders]",
            "[orders]",
            "hook `audit`: collections: `orders` is no `index/collection`",
        ),
        (
            "[shop/orders]",
            "[consign-security/users]",
            "hook `audit`: collections: no client writes `consign-security/users`",
        ),
        (
            "operations: [document.create,",
            "operations: [document.creat,",
            "line 11: hook `geo`: operations: there is no operation `document.creat`: did you mean `document.create`?",
        ),
        (
            "operations: [document.create,",
            "operations: [document.mCreate,",
            "`document.mCreate`: its documents are asked about one by one, as requests of `document.create`: name that",
        ),
        (
            "operations: [document.create,",
            "operations: [upload.results,",
            "`upload.results`: only other operations ask for it",
        ),
        (
            "operations: [document.create,",
            "operations: [user.bulk.upload,",
            "`user.bulk.upload`: its lines are asked about one by one",
        ),
        (
            "    before: [stock.check]\n",
            "",
            "line 3: hook `stock.check`: it is never asked",
        ),
        (
            "    before: [stock.check]\n",
            "    before: [stock.check]\n    sealed: [mail]\n",
            "it would be told what `order.place` seals (`mail`): say `sees_sealed: true`",
        ),
        (
            "name: audit",
            "name: stock.check",
            "hook `stock.check`: it is declared twice",
        ),
    ];
    for (sound, wrong, says) in cases {
        assert!(ORDERS.contains(sound), "{sound}");
        let told = load(&ORDERS.replacen(sound, wrong, 1)).unwrap_err();
        assert!(told.contains("shop.yaml: "), "{told}");
        assert!(told.contains(says), "{told}\n  should have: {says}");
    }
    let may = ORDERS
        .replace(
            "before: [stock.check]",
            "before: [stock.check]\n    sealed: [mail]",
        )
        .replace("    order: -1", "    order: -1\n    sees_sealed: true")
        .replace(
            "    on_failure: pass",
            "    on_failure: pass\n    sees_sealed: true",
        );
    assert!(load(&may).is_ok(), "{:?}", load(&may));
}
