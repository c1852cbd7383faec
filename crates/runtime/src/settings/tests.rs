//! Layers win in order, unknown keys name the near one, types are held.

use super::*;

fn layers() -> Layers {
    let defaults = r#"
        name = "a"
        [gateway]
        listen = "127.0.0.1:7512"
        body_limit = 10
        ratio = 1.0
        [kafka]
        brokers = ["a:1"]
        [kafka.properties]
    "#;
    let examples = "[worker]\nreapply_window_ms = 1\npassword = \"\"";
    Layers::new(defaults.parse().unwrap(), &examples.parse().unwrap())
}

fn get<'a>(table: &'a Table, section: &str, key: &str) -> &'a Value {
    &table[section][key]
}

#[test]
fn later_layers_win_and_say_who_they_are() {
    let mut layers = layers();
    layers
        .file("f.toml", "[gateway]\nbody_limit = 20\nlisten = \"x:1\"")
        .unwrap();
    layers
        .variables(
            [
                ("CONSIGN_GATEWAY_BODY_LIMIT".into(), "30".into()),
                ("PATH".into(), "/".into()),
            ],
            &[],
        )
        .unwrap();
    layers
        .flags(["gateway.ratio=3", "kafka.brokers=b:1,c:2"])
        .unwrap();
    assert_eq!(
        layers.origin("gateway.listen"),
        Some(&Source::File("f.toml".into()))
    );
    assert_eq!(
        layers.origin("gateway.body_limit").unwrap().to_string(),
        "the variable CONSIGN_GATEWAY_BODY_LIMIT"
    );
    assert_eq!(layers.origin("name"), None);
    let merged = layers.merged();
    assert_eq!(get(&merged, "gateway", "body_limit"), &Value::Integer(30));
    assert_eq!(
        get(&merged, "gateway", "listen"),
        &Value::String("x:1".into())
    );
    assert_eq!(get(&merged, "gateway", "ratio"), &Value::Float(3.0));
    assert_eq!(
        get(&merged, "kafka", "brokers").as_array().unwrap().len(),
        2
    );
}

#[test]
fn an_unknown_key_names_the_near_one() {
    let error = layers()
        .file("f.toml", "[gateway]\nbody_limt = 20")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "f.toml: `gateway.body_limt` is not a setting; did you mean `gateway.body_limit`?"
    );
    let error = layers()
        .file("f.toml", "[worker]\nreaply_window_ms = 20")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("did you mean `worker.reapply_window_ms`?"),
        "{error}"
    );
    let error = layers()
        .variables([("CONSIGN_GATEWAY_LISTN".into(), "x".into())], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("did you mean `CONSIGN_GATEWAY_LISTEN`?"),
        "{error}"
    );
    assert!(
        layers()
            .variables(
                [("CONSIGN_TEST_KAFKA".into(), "x".into())],
                &["CONSIGN_TEST_"]
            )
            .is_ok()
    );
    assert!(matches!(
        layers().flags(["zzz=1"]),
        Err(SettingsError::Unknown { near: None, .. })
    ));
    assert!(
        matches!(
            layers().flags(["gateway=1"]),
            Err(SettingsError::Unknown { .. })
        ),
        "a section is no setting"
    );
}

#[test]
fn types_are_held() {
    let error = layers()
        .file("f.toml", "[gateway]\nbody_limit = \"x\"")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "f.toml: `gateway.body_limit` must be a whole number, not \"x\""
    );
    let error = layers()
        .flags(["worker.reapply_window_ms=soon"])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "--set worker.reapply_window_ms: `worker.reapply_window_ms` must be a whole number, not \"soon\""
    );
}

#[test]
fn texts_stay_as_they_were_typed() {
    for text in [
        "12345",
        "1e5",
        "true",
        "0x10",
        "[a",
        "2020-01-01",
        "a = b",
        "x # y",
    ] {
        let mut layers = layers();
        layers
            .variables([("CONSIGN_WORKER_PASSWORD".into(), text.into())], &[])
            .unwrap();
        assert_eq!(
            get(&layers.merged(), "worker", "password"),
            &Value::String(text.into())
        );
    }
}

#[test]
fn free_sections_take_anything() {
    let mut layers = layers();
    layers
        .file(
            "f.toml",
            "[kafka.properties]\n\"sasl.username\" = \"u\"\nsasl.password = \"p\"",
        )
        .unwrap();
    layers
        .flags(["kafka.properties.ssl.ca.location=/ca"])
        .unwrap();
    layers
        .variables(
            [(
                "CONSIGN_KAFKA_PROPERTIES_SECURITY_PROTOCOL".into(),
                "ssl".into(),
            )],
            &[],
        )
        .unwrap();
    let merged = layers.merged();
    let properties = merged["kafka"]["properties"].as_table().unwrap();
    assert_eq!(properties.len(), 4);
    assert_eq!(properties["ssl.ca.location"], Value::String("/ca".into()));
    assert_eq!(properties["security.protocol"], Value::String("ssl".into()));
    assert_eq!(properties["sasl.password"], Value::String("p".into()));
}
