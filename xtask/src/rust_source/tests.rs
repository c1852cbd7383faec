use super::{Token, product};

fn names(text: &str) -> Vec<String> {
    let names = product(text).tokens;
    names
        .iter()
        .filter_map(Token::name)
        .map(str::to_owned)
        .collect()
}

#[test]
fn comments_and_literals_hold_no_names() {
    let text = r###"
        //! crate::doc
        /* crate::a /* nested */ crate::b */
        let x = "crate::c \" crate::d"; let y = r#"crate::"e"#; let z = b'\''; let q = '"';
        fn f<'a>(v: &'a str, c: char) -> u8 { 0x1f_u8 }
    "###;
    let found = names(text);
    assert!(!found.iter().any(|name| name == "crate"), "{found:?}");
    assert!(
        found.ends_with(&["char", "u8"].map(str::to_owned)),
        "{found:?}"
    );
}

#[test]
fn what_is_for_tests_only_is_taken_out() {
    let text = "
        #[cfg(test)] mod tests;
        #[cfg(test)] #[path = \"x.rs\"] mod others;
        #[cfg(test)] mod inline { fn hidden() { if a { b } } }
        #[cfg(test)] use hidden::{a, b};
        #[cfg(test)] const HIDDEN: [u8; 2] = [1, 2];
        #[cfg(unix)] mod kept;
        fn visible() {}
    ";
    let product = product(text);
    assert_eq!(product.test_modules, ["tests", "others"]);
    let left = names(text);
    assert!(!left.iter().any(|name| name.to_lowercase() == "hidden"));
    assert!(left.contains(&"kept".to_owned()) && left.contains(&"visible".to_owned()));
}
