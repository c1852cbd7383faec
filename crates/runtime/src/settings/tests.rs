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
    Layers::new(defaults.parse().unwrap(), &["worker.reapply_window_ms", "kafka.properties.*"])
}

fn get<'a>(table: &'a Table, section: &str, key: &str) -> &'a Value {
    &table[section][key]
}

#[test]
fn later_layers_win() {
    let mut layers = layers();
    layers.file("f.toml", "[gateway]\nbody_limit = 20\nlisten = \"x:1\"").unwrap();
    layers.variables([("CONSIGN_GATEWAY_BODY_LIMIT".into(), "30".into()), ("PATH".into(), "/".into())], &[]).unwrap();
    layers.flags(["gateway.ratio=3", "kafka.brokers=b:1,c:2"]).unwrap();
    let merged = layers.merged();
    assert_eq!(get(&merged, "gateway", "body_limit"), &Value::Integer(30));
    assert_eq!(get(&merged, "gateway", "listen"), &Value::String("x:1".into()));
    assert_eq!(get(&merged, "gateway", "ratio"), &Value::Float(3.0));
    assert_eq!(get(&merged, "kafka", "brokers").as_array().unwrap().len(), 2);
}

#[test]
fn an_unknown_key_names_the_near_one() {
    let error = layers().file("f.toml", "[gateway]\nbody_limt = 20").unwrap_err().to_string();
    assert_eq!(error, "f.toml: `gateway.body_limt` is not a setting; did you mean `gateway.body_limit`?");
    let error = layers().variables([("CONSIGN_GATEWAY_LISTN".into(), "x".into())], &[]).unwrap_err().to_string();
    assert!(error.contains("did you mean `CONSIGN_GATEWAY_LISTEN`?"), "{error}");
    assert!(layers().variables([("CONSIGN_TEST_KAFKA".into(), "x".into())], &["CONSIGN_TEST_"]).is_ok());
    assert!(matches!(layers().flags(["zzz=1"]), Err(SettingsError::Unknown { near: None, .. })));
}

#[test]
fn types_are_held_and_free_sections_take_anything() {
    let error = layers().file("f.toml", "[gateway]\nbody_limit = \"x\"").unwrap_err().to_string();
    assert_eq!(error, "f.toml: `gateway.body_limit` must be a whole number, not \"x\"");
    let mut layers = layers();
    layers.file("f.toml", "[kafka.properties]\n\"sasl.username\" = \"u\"\n\"sasl.password\" = \"p\"").unwrap();
    layers.flags(["kafka.properties.ssl.ca.location=/ca"]).unwrap();
    let merged = layers.merged();
    let properties = merged["kafka"]["properties"].as_table().unwrap();
    assert_eq!(properties.len(), 3);
    assert_eq!(properties["ssl.ca.location"], Value::String("/ca".into()));
}
