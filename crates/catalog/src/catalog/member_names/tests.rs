//! Names that lead nowhere, each told with file, line and what was meant; and what is never told.

use crate::Catalog;

/// One operation with all that names may be looked for in. Line 4 is its name.
const PARCEL: &str = "
language: 1
operations:
  - name: parcel.send
    summary: Sends what is in a list somewhere.
    request:
      type: object
      required: [to, lines]
      additionalProperties: false
      properties:
        to: {type: object, additionalProperties: false, properties: {street: {type: string}, city: {type: string}}}
        lines: {type: array, items: {type: object, additionalProperties: false, properties: {article: {type: string}, count: {type: integer}}}}
        note: {type: object}
    generate: {id: decimal}
    look_up:
      stock: {row: {table: parcel_stock, key: {id: $item/article}}, for_each: $request/lines}
    let:
      known: {object: {street: $request/to/street, weight: 3}}
      articles: {map: [$request/lines, $item/article]}
      LET
    rules:
      - that: {every: [$looked/stock, {present: $item}]}
        rule: unknown_article
        say: names articles that are there
    key: {of: parcel, id: $generated/id}
    write:
      - row: {table: parcel, key: {id: $generated/id}}
        put: {street: $let/known/street}
    parts:
      - operation: parcel.take
        for_each: $request/lines
        request: PART
    examples:
      - {title: One, request: {to: {city: Kochi}, lines: []}, looked: {stock: []}}
  - name: parcel.take
    summary: Takes some of an article from its stock.
    internal: true
    request:
      type: object
      required: [article, count]
      additionalProperties: false
      properties: {article: {type: string}, count: {type: integer}, mark: {type: object, additionalProperties: false, properties: {text: {type: string}}}}
    look_up:
      shelf: {row: {table: parcel_stock, key: {id: $request/article}}}
    key: {of: article, id: $request/article}
    write:
      - row: {table: parcel_stock, key: {id: $request/article}}
        as: stock
        merge: {left: {minus: [{default: [$before/left, 0]}, $request/count]}}
    examples:
      - {title: One, request: {article: a1, count: 1}, looked: {shelf: null}}
tables:
  - {name: parcel, owner: parcel, partition_key: [id], columns: {id: text, street: text}}
  - {name: parcel_stock, owner: article, partition_key: [id], columns: {id: text, left: int, shelfName: text}}
";
const PART: &str = "{article: $item/article, count: $item/count}";

fn told(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.yaml"), text).unwrap();
    let loaded = Catalog::load(&[folder.path().to_owned()]);
    let told = loaded.map_or_else(|error| error.to_string(), |_| "sound".to_owned());
    let place = format!("{}/", folder.path().display());
    told.replace(&place, "")
}

fn with_let(value: &str) -> String {
    let text = PARCEL.replace("LET", &format!("more: {value}"));
    told(&text.replace("PART", PART))
}

fn with_part(request: &str) -> String {
    told(&PARCEL.replace("LET", "more: 1").replace("PART", request))
}

#[test]
fn names_that_lead_nowhere_are_told_with_line_and_near_name() {
    for (value, why) in [
        // `only` and `without`, of a request, of a named value, of an element.
        (
            "{only: [$request, [to, noet]]}",
            "only: there is no member `noet`: did you mean `note`?",
        ),
        (
            "{only: [$request/to, [stret]]}",
            "only: there is no member `stret`: did you mean `street`?",
        ),
        (
            "{only: [$let/known, [wieght]]}",
            "only: there is no member `wieght`: did you mean `weight`?",
        ),
        (
            "{without: [$request/to, [citi]]}",
            "without: there is no member `citi`: did you mean `city`?",
        ),
        (
            "{map: [$request/lines, {only: [$item, [artcle]]}]}",
            "only: there is no member `artcle`: did you mean `article`?",
        ),
        (
            "{only: [$request/lines, [article]]}",
            "only: a list has no member `article`",
        ),
        // `get`, of what has members, of columns, of what is left of an object.
        (
            "{get: [$request/to, cty]}",
            "get: there is no member `cty`: did you mean `city`?",
        ),
        (
            "{get: [{at: [$looked/stock, 0]}, shelfName]}",
            "get: there is no member `shelfName`: did you mean `shelfname`?",
        ),
        (
            "{get: [{default: [{at: [$looked/stock, 0]}, {object: {}}]}, lft]}",
            "get: there is no member `lft`: did you mean `left`?",
        ),
        (
            "{get: [{only: [$request/to, [street]]}, city]}",
            "get: there is no member `city`",
        ),
        (
            "{get: [{merge: [$let/known, {object: {colour: red}}]}, color]}",
            "get: there is no member `color`: did you mean `colour`?",
        ),
        // `$item`, of lists of the request, of named lists, of what was looked up, of plain values; `$outer`.
        (
            "{map: [$request/lines, $item/artikle]}",
            "`$item/artikle`: there is no member `artikle`: did you mean `article`?",
        ),
        (
            "{some: [$request/lines, {equals: [$item/cuont, 1]}]}",
            "`$item/cuont`: there is no member `cuont`: did you mean `count`?",
        ),
        (
            "{filter: [$let/articles, $item/article]}",
            "`$item/article`: a plain value has no member `article`",
        ),
        (
            "{map: [$looked/stock, $item/leftt]}",
            "`$item/leftt`: there is no member `leftt`: did you mean `left`?",
        ),
        (
            "{map: [{filter: [$request/lines, {present: $item}]}, $item/cont]}",
            "`$item/cont`: there is no member `cont`: did you mean `count`?",
        ),
        (
            "{map: [$request/lines, {some: [$looked/stock, {equals: [$item/id, $outer/articel]}]}]}",
            "`$outer/articel`: there is no member `articel`: did you mean `article`?",
        ),
        (
            "{map: [$request/lines, $item/article/name]}",
            "`$item/article/name`: a plain value has no member `name`",
        ),
        // What a function never takes.
        (
            "{lower: $request/lines}",
            "lower: argument 1 must be a text, and `$request/lines` is a list",
        ),
        (
            "{count: $request/to}",
            "count: argument 1 must be a list, and `$request/to` is an object",
        ),
        (
            "{merge: [$request/to, $let/articles]}",
            "merge: argument 2 must be an object, and `$let/articles` is a list",
        ),
        (
            "{map: [$let/known, $item]}",
            "map: argument 1 must be a list, and `$let/known` is an object",
        ),
        (
            "{map: [$request/lines, {count: $item/article}]}",
            "count: argument 1 must be a list, and `$item/article` is a text",
        ),
        // Named values.
        (
            "$let/known/streat",
            "`$let/known/streat`: there is no member `streat`: did you mean `street`?",
        ),
        (
            "$looked/stock/left",
            "`$looked/stock/left`: a list has no member `left`",
        ),
    ] {
        let expected = format!("own.yaml: line 20: operation `parcel.send`: let.more: {why}");
        assert_eq!(with_let(value), expected, "{value}");
    }
}

#[test]
fn what_a_parts_operation_does_not_take_is_told() {
    for (request, line, why) in [
        (
            "{artikle: $item/article, article: $item/article, count: 1}",
            32,
            "the request of `parcel.take` takes no member `artikle`: did you mean `article`?",
        ),
        (
            "{article: $item/article}",
            30,
            "the request of `parcel.take` has no member `count`, which it needs",
        ),
        (
            "[{only: [$item, [article, count]]}, {shade: red}]",
            32,
            "the request of `parcel.take` takes no member `shade`",
        ),
        (
            "[$item, {mark: {object: {txt: red}}}]",
            32,
            "the request of `parcel.take` takes no member `txt`: did you mean `text`?",
        ),
        (
            "{article: $item/artcle, count: 1}",
            32,
            "`$item/artcle`: there is no member `artcle`: did you mean `article`?",
        ),
        (
            "{article: $item/article, count: {get: [$item, cuont]}}",
            32,
            "get: there is no member `cuont`: did you mean `count`?",
        ),
        (
            "$item\n        looked: {shelv: null}",
            33,
            "what `parcel.take` looks up takes no member `shelv`: did you mean `shelf`?",
        ),
    ] {
        let expected = format!("own.yaml: line {line}: operation `parcel.send`: parts[0]: {why}");
        assert_eq!(with_part(request), expected, "{request}");
    }
}

#[test]
fn what_might_be_there_is_not_told() {
    for value in [
        "{only: [$request/note, [whatever]]}",
        "{get: [$request/note, whatever]}",
        "{get: [$let/known, $request/to/city]}",
        "{get: [{parse_json: $request/to/city}, whatever]}",
        "{get: [{to_object: [$let/articles, 1]}, whatever]}",
        "{map: [{append: [$request/note/list, $request/lines]}, $item/whatever]}",
        "{get: [{merge: [$request/note, $let/known]}, whatever]}",
        "{literal: {only: [$request, [whatever]]}}",
        "{get: [{if: [{present: $request/note}, $request/note, $let/known]}, whatever]}",
        "{map: [$looked/stock, {get: [{default: [$item, {object: {}}]}, _expires]}]}",
        "{at: [{map: [$request/lines, $item/count]}, 0]}",
        "{count: [$request/to, $request/lines]}",
        "{lower: $request/note}",
        "{lower: {default: [$request/to/city, 1]}}",
        "{add: [{default: [$looked/stock/0/left, none]}, 1]}",
        "{add: [$request/note/count, $looked/stock/0/_expires]}",
        "{less: [$request/to/city, {default: [$request/to/street, 1]}]}",
        "{less: [$request/note, $looked/stock/0/left]}",
        "{some: [$request/lines, $request/note]}",
        "{concat: [$request/lines, $request/to]}",
    ] {
        assert_eq!(with_let(value), "sound", "{value}");
    }
    for request in [
        PART,
        "$item",
        "[$item, {article: x}]",
        "[{article: $item/article}, $request/note]",
        "[{article: $item/article, count: 1}, {mark: {only: [$request/note, [text]]}}]",
    ] {
        assert_eq!(with_part(request), "sound", "{request}");
    }
}

#[test]
fn a_value_of_another_kind_is_told() {
    let argument = |why: &str| format!("let.more: {why}");
    for (value, why) in [
        (
            "{add: [$request/to/city, 1]}",
            "add: argument 1 must be a number, and `$request/to/city` is a text",
        ),
        (
            "{add: [1, $let/known/street]}",
            "add: argument 2 must be a number, and `$let/known/street` is a text",
        ),
        (
            "{map: [$request/lines, {lower: $item/count}]}",
            "lower: argument 1 must be a text, and `$item/count` is a number",
        ),
        (
            "{lower: $looked/stock/0/left}",
            "lower: argument 1 must be a text, and `$looked/stock/0/left` is a number",
        ),
        (
            "{sunbird_time: $principal}",
            "sunbird_time: argument 1 must be a number, and `$principal` is a text",
        ),
        (
            "{map: [$request/lines, {lower: $index}]}",
            "lower: argument 1 must be a text, and `$index` is a number",
        ),
        (
            "{if: [$let/known/weight, 1]}",
            "if: argument 1 must be true or false, and `$let/known/weight` is a number",
        ),
        (
            "{less: [$request/to/city, 3]}",
            "less: cannot compare a text with a number",
        ),
        (
            "{filter: [$request/lines, $item/article]}",
            "a condition takes true or false, not a text",
        ),
    ] {
        let told = with_let(value);
        assert!(told.ends_with(&argument(why)), "{value}: {told}");
    }
    let sound = PARCEL.replace("LET", "more: 1").replace("PART", PART);
    for (from, to, why) in [
        (
            "{left: {minus: [{default: [$before/left, 0]}, $request/count]}}",
            "{left: $request/article}",
            "write[0]: column `left` of table `parcel_stock` takes a number, not a text",
        ),
        (
            "put: {street: $let/known/street}",
            "put: [{id: x}, {street: $let/articles}]",
            "write[0]: column `street` of table `parcel` takes a text, not a list",
        ),
        (
            "key: {id: $generated/id}}\n        put",
            "key: {id: $let/known/weight}}\n        put",
            "write[0]: column `id` of table `parcel` takes a text, not a number",
        ),
        (
            "put: {street: $let/known/street}",
            "put: {}\n        expires: $let/known/street",
            "write[0]: expires takes a number, not a text",
        ),
        (
            "put: {street: $let/known/street}",
            "put: {}\n        when: $let/known/street",
            "write[0]: a condition takes true or false, not a text",
        ),
        (
            "that: {every: [$looked/stock, {present: $item}]}",
            "that: $let/known/weight",
            "rules[0]: a condition takes true or false, not a number",
        ),
        (
            PART,
            "{article: $item/count, count: 1}",
            "parts[0]: `article` of the request of `parcel.take` takes a text, not a number",
        ),
        (
            PART,
            "{article: x, count: $item/article}",
            "parts[0]: `count` of the request of `parcel.take` takes a number, not a text",
        ),
    ] {
        let changed = sound.replace(from, to);
        assert_ne!(changed, sound, "{from}");
        let told = told(&changed);
        assert!(
            told.ends_with(why) && told.contains(": line "),
            "{to}: {told}"
        );
    }
}
